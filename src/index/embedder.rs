//! Embedders: what makes vectors of texts.
#![cfg_attr(
    not(all(feature = "embed", feature = "openai")),
    expect(
        dead_code,
        reason = "an embedder that is not built in has faults that nobody meets"
    )
)]

#[cfg(feature = "embed")]
mod builtin;
#[cfg(feature = "openai")]
mod openai;

use std::time::Duration;

use crate::config::{EmbedderKind, IndexSettings};
use crate::control::Control;
use crate::error::{Error, Result};

/// Why an embedder gave no vectors. It never fails an act: what waits for vectors goes on waiting.
#[derive(Debug, thiserror::Error)]
pub(super) enum EmbedFault {
    /// The act was stopped.
    #[error("interrupted")]
    Interrupted,
    /// This program was built without the embedder.
    #[cfg(not(all(feature = "embed", feature = "openai")))]
    #[error("the embedder `{0}` is not built in; build with the feature `{1}`")]
    NotBuilt(&'static str, &'static str),
    /// The built-in model is not what it should be.
    #[error("the built-in model cannot be read: {0}")]
    Model(String),
    /// The server could not be asked, or did not answer in time.
    #[error("{url}: {detail}")]
    Transport { url: String, detail: String },
    /// The server refused.
    #[error("{url} answered {status}{detail}")]
    Status {
        url: String,
        status: u16,
        detail: String,
    },
    /// The server answered something else.
    #[error("{url} answered what is no list of embeddings: {detail}")]
    Answer { url: String, detail: String },
    /// Vectors of one model have one length.
    #[error("a vector has {found} dimensions, expected {expected}")]
    Dimensions { found: usize, expected: usize },
    /// A component is no number.
    #[error("a vector has a component that is no finite number")]
    NotFinite,
}

/// Makes vectors of texts.
pub(super) trait Embedder {
    /// Names model and place: vectors of another identity cannot be compared with these.
    fn identity(&self) -> &str;

    /// Length of all vectors, where it is known before the first.
    fn dimensions(&self) -> Option<usize>;

    /// Texts that are embedded at once.
    fn batch(&self) -> usize;

    /// Makes a vector of each text, in their order.
    fn embed(&self, texts: &[String], control: &Control) -> Result<Vec<Vec<f32>>, EmbedFault>;
}

/// An embedding server, as the settings name it.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(feature = "openai"),
    expect(dead_code, reason = "nothing asks a server")
)]
pub(super) struct Server {
    pub(super) url: String,
    pub(super) model: String,
    pub(super) key: Option<String>,
    pub(super) dimensions: Option<usize>,
    pub(super) batch: usize,
    pub(super) timeout: Duration,
}

/// Makes the embedder of the settings; none where there is to be none.
pub(super) fn make(
    settings: &IndexSettings,
    key: Option<String>,
) -> Option<Result<Box<dyn Embedder>, EmbedFault>> {
    match settings.embedder {
        EmbedderKind::None => None,
        EmbedderKind::Builtin => Some(builtin()),
        EmbedderKind::Openai => Some(openai(Server {
            url: settings.url.clone().unwrap_or_default(),
            model: settings.model.clone().unwrap_or_default(),
            key,
            dimensions: settings.dimensions.map(usize::from),
            batch: usize::from(settings.batch),
            timeout: Duration::from_secs(u64::from(settings.timeout_seconds)),
        })),
    }
}

/// Makes the vector of a question; `None` where there is no embedder.
pub(super) fn vector_of(
    settings: &IndexSettings,
    key: Option<String>,
    question: &str,
) -> Option<Result<Vec<f32>, EmbedFault>> {
    let texts = [question.to_owned()];
    let embed = |embedder: Box<dyn Embedder>| embedder.embed(&texts, &Control::default());
    let vectors = make(settings, key)?.and_then(embed);
    Some(vectors.map(|vectors| vectors.into_iter().next().unwrap_or_default()))
}

/// Returns the identity of the settings' model without making the embedder.
pub(super) fn identity(settings: &IndexSettings) -> Option<String> {
    match settings.embedder {
        EmbedderKind::None => None,
        EmbedderKind::Builtin => Some(BUILTIN.to_owned()),
        EmbedderKind::Openai => Some(openai_identity(
            settings.url.as_deref().unwrap_or_default(),
            settings.model.as_deref().unwrap_or_default(),
        )),
    }
}

/// Names the built-in model; another table is another name.
const BUILTIN: &str = "builtin all-MiniLM-L6-v2 model2vec int8 256";

fn openai_identity(url: &str, model: &str) -> String {
    format!("openai {model} {url}")
}

#[cfg(feature = "embed")]
fn builtin() -> Result<Box<dyn Embedder>, EmbedFault> {
    builtin::Builtin::load().map(|embedder| Box::new(embedder) as Box<dyn Embedder>)
}

#[cfg(not(feature = "embed"))]
fn builtin() -> Result<Box<dyn Embedder>, EmbedFault> {
    Err(EmbedFault::NotBuilt("builtin", "embed"))
}

#[cfg(feature = "openai")]
#[expect(clippy::unnecessary_wraps, reason = "without the feature it fails")]
fn openai(server: Server) -> Result<Box<dyn Embedder>, EmbedFault> {
    Ok(Box::new(openai::Openai::new(server)))
}

#[cfg(not(feature = "openai"))]
fn openai(_: Server) -> Result<Box<dyn Embedder>, EmbedFault> {
    Err(EmbedFault::NotBuilt("openai", "openai"))
}

/// Turns an interrupt into the fault of an embedder.
fn ensure_not_interrupted(control: &Control) -> Result<(), EmbedFault> {
    match control.ensure_not_interrupted() {
        Err(Error::Interrupted) => Err(EmbedFault::Interrupted),
        _ => Ok(()),
    }
}
