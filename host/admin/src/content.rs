//! What somebody gets: bytes in the coding that they take, not sent again to who has them.

use std::io::Write as _;

use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

/// Below this, compressing gains nothing.
const COMPRESSED_FROM: usize = 1024;

/// How hard brotli tries: higher ones take a hundred times as long for a hundredth less.
const BROTLI_QUALITY: u32 = 5;

/// What brotli may look back at: 4 MiB, as browsers take it.
const BROTLI_WINDOW: u32 = 22;

/// How bytes are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
    Plain,
}

/// What matters more in compressing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// What is made once and sent for as long as the process runs.
    Size,
    /// What is made again every second.
    Speed,
}

impl Coding {
    /// The best that these headers take.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        if takes(headers, "br") {
            Self::Brotli
        } else if takes(headers, "gzip") {
            Self::Gzip
        } else {
            Self::Plain
        }
    }

    fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Plain => None,
        }
    }

    fn encode(self, plain: &[u8], effort: Effort) -> Option<Vec<u8>> {
        match self {
            Self::Brotli => {
                let to = Vec::new();
                let mut encoder =
                    brotli::CompressorWriter::new(to, plain.len(), BROTLI_QUALITY, BROTLI_WINDOW);
                encoder.write_all(plain).ok()?;
                Some(encoder.into_inner())
            }
            Self::Gzip => {
                let level = if effort == Effort::Size { Compression::best() } else { Compression::fast() };
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(plain).ok()?;
                encoder.finish().ok()
            }
            Self::Plain => None,
        }
    }
}

fn takes(headers: &HeaderMap, wanted: &str) -> bool {
    let given = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    given.flat_map(|codings| codings.split(',')).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = quality.trim().strip_prefix("q=").and_then(|it| it.parse::<f32>().ok()) == Some(0.0);
        name.trim().eq_ignore_ascii_case(wanted) && !refused
    })
}

/// Bytes of one kind in one coding.
#[derive(Clone, Debug)]
pub(crate) struct Content {
    kind: &'static str,
    coding: Coding,
    body: Bytes,
    /// The same in every coding, and therefore weak.
    etag: String,
}

impl Content {
    /// Compresses, which takes a moment for what is large.
    pub(crate) fn new(kind: &'static str, plain: Vec<u8>, coding: Coding, effort: Effort) -> Self {
        let digest = Sha256::digest(&plain);
        let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        let encoded = (plain.len() >= COMPRESSED_FROM).then(|| coding.encode(&plain, effort)).flatten();
        let (coding, body) = match encoded {
            Some(encoded) => (coding, encoded),
            None => (Coding::Plain, plain),
        };
        Self { kind, coding, body: body.into(), etag: format!("W/\"{hex}\"") }
    }

    pub(crate) fn size(&self) -> usize {
        self.body.len()
    }

    /// The answer to a request with these headers.
    pub(crate) fn answer(&self, headers: &HeaderMap) -> Response<Body> {
        let known = self.is_known(headers);
        let body = if known { Bytes::new() } else { self.body.clone() };
        let mut answer = Response::new(Body::from(body));
        if known {
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let to = answer.headers_mut();
        to.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        to.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag) {
            to.insert(header::ETAG, etag);
        }
        if !known {
            to.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
            if let Some(coding) = self.coding.name() {
                to.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
            }
        }
        answer
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        let mut tags = given.flat_map(|tags| tags.split(',')).map(str::trim);
        let weak = |tag: &str| tag.strip_prefix("W/").unwrap_or(tag).to_owned();
        tags.any(|tag| tag == "*" || weak(tag) == weak(&self.etag))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn accepting(codings: &str) -> HeaderMap {
        [(header::ACCEPT_ENCODING, codings.parse().unwrap())].into_iter().collect()
    }

    #[test]
    fn the_best_coding_that_is_taken() {
        for (accepted, coding) in [
            ("gzip, deflate, br, zstd", Coding::Brotli),
            ("br;q=0, GZIP;q=0.5", Coding::Gzip),
            ("br;q=0,gzip;q=0", Coding::Plain),
            ("brotli, x-gzip", Coding::Plain),
            ("", Coding::Plain),
        ] {
            assert_eq!(Coding::of(&accepting(accepted)), coding, "{accepted}");
        }
    }

    #[test]
    fn each_coding_is_of_the_same_bytes() {
        let plain = include_bytes!("../../../console/dist/console.js").to_vec();
        for effort in [Effort::Size, Effort::Speed] {
            let of = |coding| Content::new("text/plain", plain.clone(), coding, effort);
            let (brotli, gzip, same) = (of(Coding::Brotli), of(Coding::Gzip), of(Coding::Plain));
            assert!(brotli.size() < gzip.size() && gzip.size() < same.size());
            let (mut read, mut unzipped) = (Vec::new(), Vec::new());
            brotli::Decompressor::new(&brotli.body[..], 4096).read_to_end(&mut read).unwrap();
            flate2::read::GzDecoder::new(&gzip.body[..]).read_to_end(&mut unzipped).unwrap();
            assert!(read == plain && unzipped == plain && same.body == plain);
            assert!(brotli.etag == gzip.etag && gzip.etag == same.etag);
        }
        let small = Content::new("text/plain", b"small".to_vec(), Coding::Brotli, Effort::Size);
        assert_eq!((small.coding, small.size()), (Coding::Plain, 5));
    }
}
