//! Clients that take places and give nothing.

mod drips;
mod floods;
mod streams;
pub(crate) mod support;
