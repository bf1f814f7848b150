//! What reaches a listener over real sockets.

mod hostile;
