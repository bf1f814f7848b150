//! Clients that take places and give nothing.

mod floods;
mod streams;
mod support;
