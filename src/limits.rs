//! Bounds on what a pack may ask for.

/// What a pack may claim before it is refused. Whatever it claims, nothing is allocated by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes of an unpacked manifest. A million entries with long paths need about 250 MiB;
    /// more is a mistake or an attack.
    pub manifest_bytes: u64,
    /// Most unpacked bytes for each byte of the pack file, asked only above
    /// [`ratio_floor_bytes`](Self::ratio_floor_bytes). Text packs at 3 to 20, logs at up to 100.
    pub ratio: u64,
    /// Unpacked bytes up to which any ratio is accepted.
    pub ratio_floor_bytes: u64,
    /// Most members of a pack.
    pub members: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest_bytes: 256 << 20,
            ratio: 200,
            ratio_floor_bytes: 1 << 30,
            members: 10_000_000,
        }
    }
}
