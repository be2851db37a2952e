//! Markdown pages, as far as the guides use it: headings, fenced blocks, links.

use super::in_repository;

/// A page.
#[derive(Debug)]
pub(super) struct Page {
    lines: Vec<String>,
    pub(super) headings: Vec<Heading>,
    pub(super) blocks: Vec<Block>,
    /// Targets of links that lead to no other site.
    pub(super) links: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Heading {
    pub(super) level: usize,
    /// What a link to it says behind `#`.
    anchor: String,
}

/// A fenced block.
#[derive(Debug)]
pub(super) struct Block {
    /// What stands behind the opening fence.
    pub(super) info: String,
    /// The index of its first line in the page.
    pub(super) first: usize,
    pub(super) lines: Vec<String>,
}

impl Page {
    /// Reads a page of the repository.
    #[track_caller]
    pub(super) fn read(path: &str) -> Self {
        let text = std::fs::read_to_string(in_repository(path));
        Self::parse(&text.unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    pub(super) fn parse(text: &str) -> Self {
        let mut page = Self {
            lines: text.lines().map(str::to_owned).collect(),
            headings: Vec::new(),
            blocks: Vec::new(),
            links: Vec::new(),
        };
        let mut open: Option<Block> = None;
        for (index, line) in text.lines().enumerate() {
            match (&mut open, line.strip_prefix("```")) {
                (Some(_), Some("")) => page.blocks.extend(open.take()),
                (Some(block), _) => block.lines.push(line.to_owned()),
                (None, Some(info)) => {
                    open = Some(Block {
                        info: info.to_owned(),
                        first: index + 1,
                        lines: Vec::new(),
                    });
                }
                (None, None) => page.read_prose(line),
            }
        }
        assert!(open.is_none(), "a block is not closed: {open:?}");
        page
    }

    fn read_prose(&mut self, line: &str) {
        let hashes = line.len() - line.trim_start_matches('#').len();
        if let Some(title) = line[hashes..].strip_prefix(' ')
            && hashes > 0
        {
            self.headings.push(Heading {
                level: hashes,
                anchor: anchor_of(title),
            });
        }
        for part in line.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            if !target.contains("://") {
                self.links.push(target.to_owned());
            }
        }
    }

    pub(super) fn has_anchor(&self, anchor: &str) -> bool {
        self.headings.iter().any(|it| it.anchor == anchor)
    }

    /// Puts other output behind the command that begins at a line, counted from 1.
    pub(super) fn replace_output(&mut self, line: usize, output: &[String]) {
        let continued = |text: &&String| text.starts_with("> ");
        let from = line + self.lines[line..].iter().take_while(continued).count();
        let shown = |text: &&String| !text.starts_with("$ ") && *text != "```";
        let to = from + self.lines[from..].iter().take_while(shown).count();
        self.lines.splice(from..to, output.iter().cloned());
    }

    /// Returns the page with the blocks of another one, in this order, in place of its own.
    pub(super) fn with_blocks_of(mut self, other: &Self) -> String {
        assert_eq!(self.blocks.len(), other.blocks.len(), "as many blocks");
        for (mine, others) in self.blocks.iter().zip(&other.blocks).rev() {
            let range = mine.first - 1..mine.first + mine.lines.len();
            let opened = [format!("```{}", others.info)];
            let whole = opened.into_iter().chain(others.lines.iter().cloned());
            self.lines.splice(range, whole);
        }
        self.text()
    }

    pub(super) fn text(&self) -> String {
        let mut text = self.lines.join("\n");
        text.push('\n');
        text
    }
}

/// Returns the anchor that GitHub makes of a heading: lower case, punctuation left out, spaces as
/// hyphens.
fn anchor_of(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    let lower = title.to_lowercase();
    lower
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}
