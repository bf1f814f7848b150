//! Clients that take places and give nothing.

mod drips;
mod floods;
mod streams;
mod support;
