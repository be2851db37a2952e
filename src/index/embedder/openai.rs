//! The embedder `openai`: any server that speaks `OpenAI`'s `/v1/embeddings`.
//!
//! What a server says may pass is tried again, a few times and not for long: requests that were too
//! many (429) or that it could not serve (5xx). `Retry-After` is followed up to a bound.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use ureq::Agent;

use super::{EmbedFault, Embedder, Server, ensure_not_interrupted, openai_identity};
use crate::control::Control;

/// How often one batch is tried.
const ATTEMPTS: u32 = 4;
/// How long the first pause is; each one after it is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest pause that a server can ask for: what needs longer waits for the next time.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How often the interrupt is looked at while waiting.
const PAUSE_SLICE: Duration = Duration::from_millis(100);
/// Most bytes of an answer: 256 texts of 8,192 dimensions, written at length.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// Bytes of an error's text that are kept.
const DETAIL_BYTES_MAX: usize = 200;

/// A server, and how it is asked.
#[derive(Debug)]
pub(super) struct Openai {
    server: Server,
    endpoint: String,
    identity: String,
    agent: Agent,
}

#[derive(Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// Why one attempt failed, and whether another one may help after a pause.
struct Failed {
    fault: EmbedFault,
    retry_after: Option<Duration>,
    may_pass: bool,
}

impl Openai {
    pub(super) fn new(server: Server) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(server.timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .build();
        let base = server.url.trim_end_matches('/');
        let endpoint = if base.ends_with("/embeddings") {
            base.to_owned()
        } else if base.ends_with("/v1") {
            format!("{base}/embeddings")
        } else {
            format!("{base}/v1/embeddings")
        };
        Self {
            identity: openai_identity(&server.url, &server.model),
            endpoint,
            agent: config.into(),
            server,
        }
    }

    fn ask(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, Failed> {
        let url = || self.endpoint.clone();
        let transport = |error: ureq::Error| Failed {
            fault: EmbedFault::Transport {
                url: url(),
                detail: error.to_string(),
            },
            retry_after: None,
            may_pass: true,
        };
        let mut request = self.agent.post(&self.endpoint);
        if let Some(key) = &self.server.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut body = json!({ "model": self.server.model, "input": texts });
        if let Some(dimensions) = self.server.dimensions {
            body["dimensions"] = json!(dimensions);
        }
        let mut response = request.send_json(&body).map_err(transport)?;
        let status = response.status().as_u16();
        if status != 200 {
            let retry_after = response.headers().get("retry-after");
            let retry_after =
                retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let text = response
                .body_mut()
                .with_config()
                .limit(4096)
                .read_to_string();
            return Err(Failed {
                fault: EmbedFault::Status {
                    url: url(),
                    status,
                    detail: detail_of(&text.unwrap_or_default()),
                },
                retry_after: retry_after.map(Duration::from_secs),
                may_pass: status == 429 || status >= 500,
            });
        }
        let answer = response
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_json();
        let answer: Answer = answer.map_err(|error| Failed {
            fault: EmbedFault::Answer {
                url: url(),
                detail: error.to_string(),
            },
            retry_after: None,
            may_pass: false,
        })?;
        self.in_order(answer, texts.len()).map_err(|fault| Failed {
            fault,
            retry_after: None,
            may_pass: false,
        })
    }

    /// Puts vectors into the order of their texts.
    fn in_order(&self, answer: Answer, count: usize) -> Result<Vec<Vec<f32>>, EmbedFault> {
        let mut vectors = vec![Vec::new(); count];
        let found = answer.data.len();
        for (place, item) in answer.data.into_iter().enumerate() {
            if let Some(vector) = vectors.get_mut(item.index.unwrap_or(place)) {
                *vector = item.embedding;
            }
        }
        if found != count || vectors.iter().any(Vec::is_empty) {
            return Err(EmbedFault::Answer {
                url: self.endpoint.clone(),
                detail: format!("it has {found} vectors for {count} texts"),
            });
        }
        Ok(vectors)
    }
}

impl Embedder for Openai {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimensions(&self) -> Option<usize> {
        self.server.dimensions
    }

    fn batch(&self) -> usize {
        self.server.batch
    }

    fn embed(&self, texts: &[String], control: &Control) -> Result<Vec<Vec<f32>>, EmbedFault> {
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            ensure_not_interrupted(control)?;
            let failed = match self.ask(texts) {
                Ok(vectors) => return Ok(vectors),
                Err(failed) => failed,
            };
            let wait = failed.retry_after.unwrap_or(pause);
            if !failed.may_pass || attempt >= ATTEMPTS || wait > PAUSE_MAX {
                return Err(failed.fault);
            }
            pause_for(wait, control)?;
            pause = pause.saturating_mul(2);
            attempt += 1;
        }
    }
}

/// Waits, and looks at the interrupt meanwhile.
fn pause_for(wait: Duration, control: &Control) -> Result<(), EmbedFault> {
    let mut left = wait;
    while !left.is_zero() {
        ensure_not_interrupted(control)?;
        let slice = left.min(PAUSE_SLICE);
        std::thread::sleep(slice);
        left = left.saturating_sub(slice);
    }
    Ok(())
}

/// Returns the beginning of what a server says of its error, in one line.
fn detail_of(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let shown = line
        .get(..line.floor_char_boundary(DETAIL_BYTES_MAX))
        .unwrap_or_default();
    if shown.is_empty() {
        String::new()
    } else {
        format!(": {shown}")
    }
}
