//! What was probably meant: the name that a mistyped one is nearest to.

use strsim::osa_distance;

/// Returns which of `names` is nearest to `word`, if one is near: another case, a letter too many, too
/// few or another one, two that changed places; in long words some of these. Of two that are as near, the
/// one that begins alike wins, and then the first by name, so that the answer is always the same.
pub(crate) fn nearest<T: AsRef<str>>(word: &str, names: impl IntoIterator<Item = T>) -> Option<T> {
    let wanted = word.to_lowercase();
    let faults_at_most = (wanted.chars().count() / 3).clamp(1, 3);
    let near = names.into_iter().filter_map(|name| {
        let found = name.as_ref().to_lowercase();
        let faults = osa_distance(&wanted, &found);
        let alike = wanted
            .chars()
            .zip(found.chars())
            .take_while(|(one, other)| one == other)
            .count();
        (faults <= faults_at_most).then(|| ((faults, usize::MAX - alike), name))
    });
    near.min_by(|(one, name), (other, second)| {
        one.cmp(other)
            .then_with(|| name.as_ref().cmp(second.as_ref()))
    })
    .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_wins_and_far_ones_are_none() {
        let names = [
            "restore",
            "store",
            "README.md",
            "click",
            "clock",
            "redo",
            "import",
        ];
        for (word, meant) in [
            ("restor", Some("restore")),
            ("stroe", Some("store")),
            ("readme.md", Some("README.md")),
            ("REDAME.md", Some("README.md")),
            ("clik", Some("click")),
            ("imprt", Some("import")),
            ("reod", Some("redo")),
            ("frobnicate", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names), meant, "{word}");
        }
    }
}
