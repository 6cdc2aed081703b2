//! What every adapter is held to, on its fixtures, without a socket.
