//! What went wrong below HTTP, where the library's own words help nobody.

use std::error::Error;
use std::io;

use rustls::{Error as TlsError, InvalidMessage};

/// Whether an `https` request met a server that does not speak TLS: a plain port answers with text, which TLS calls an invalid content
/// type.
#[must_use]
pub fn answers_without_tls(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref(), Some(TlsError::InvalidMessage(InvalidMessage::InvalidContentType)))
        {
            return true;
        }
        // What is wrapped in an `io::Error` is not its source: that is what lies below it.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    }
    false
}
