//! Why a server does not take a pack in, or does not find it again.

/// What is wrong with a pack that was sent to a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UploadFault {
    /// It has more bytes than the server takes; none of them are kept.
    #[error("the upload has more than {limit_bytes} bytes")]
    TooLarge {
        /** Most bytes of one upload. */
        limit_bytes: u64,
    },
    /// As many uploads wait for their use as are kept.
    #[error("{limit_uploads} uploads wait for their use, and no more are kept")]
    TooMany {
        /** Most uploads at a time. */
        limit_uploads: u64,
    },
    /// The uploads that wait for their use take too much space together.
    #[error("the uploads that wait for their use take all of their {limit_bytes} bytes")]
    Full {
        /** Most bytes of all of them. */
        limit_bytes: u64,
    },
    /// No upload of that id waits for this caller: it was used, it expired, or there never was one.
    #[error("no upload `{id}` waits for its use")]
    NotFound {
        /** As given. */
        id: String,
    },
}
