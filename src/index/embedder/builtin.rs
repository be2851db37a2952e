//! The built-in embedder: a static table of token vectors, in the program itself.

use std::sync::OnceLock;

use model2vec_rs::model::StaticModel;

use super::{BUILTIN, EmbedFault, Embedder, ensure_not_interrupted};
use crate::control::Control;

const CONFIG: &[u8] = include_bytes!("../../../assets/embedding/config.json");
const TOKENIZER: &[u8] = include_bytes!("../../../assets/embedding/tokenizer.json");
const MODEL: &[u8] = include_bytes!("../../../assets/embedding/model.safetensors");

/// Texts between two looks at the interrupt.
const BATCH: usize = 500;

/// The model, loaded once a process: reading its vocabulary takes longer than a hundred texts.
static LOADED: OnceLock<StaticModel> = OnceLock::new();

/// The built-in embedder.
#[derive(Debug)]
pub(super) struct Builtin {
    model: &'static StaticModel,
}

impl Builtin {
    pub(super) fn load() -> Result<Self, EmbedFault> {
        if let Some(model) = LOADED.get() {
            return Ok(Self { model });
        }
        let model = StaticModel::from_bytes(TOKENIZER, MODEL, CONFIG, None)
            .map_err(|error| EmbedFault::Model(error.to_string()))?;
        let model = LOADED.get_or_init(|| model);
        Ok(Self { model })
    }
}

impl Embedder for Builtin {
    fn identity(&self) -> &str {
        BUILTIN
    }

    fn dimensions(&self) -> Option<usize> {
        Some(self.model.dim())
    }

    fn batch(&self) -> usize {
        BATCH
    }

    fn embed(&self, texts: &[String], control: &Control) -> Result<Vec<Vec<f32>>, EmbedFault> {
        ensure_not_interrupted(control)?;
        Ok(self.model.encode(texts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &[f32], b: &[f32]) -> f32 {
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
    }

    #[test]
    fn what_means_the_same_lies_close_together() {
        let builtin = Builtin::load().expect("loaded");
        let texts = [
            "How do I restore a backup?",
            "recovering data from an archive",
            "the cat sat on the mat",
        ];
        let texts = texts.map(str::to_owned);
        let vectors = builtin
            .embed(&texts, &Control::default())
            .expect("embedded");
        assert_eq!(vectors.iter().map(Vec::len).collect::<Vec<_>>(), [256; 3]);
        let near = cosine(&vectors[0], &vectors[1]);
        let far = cosine(&vectors[0], &vectors[2]);
        assert!((near - 0.52).abs() < 0.01, "{near}");
        assert!((far + 0.02).abs() < 0.01, "{far}");
    }
}
