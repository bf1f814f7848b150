//! The HTTP side: routes, bodies, TLS and the accept loop.

pub mod body;
pub mod routes;
pub mod server;
pub mod tls;
