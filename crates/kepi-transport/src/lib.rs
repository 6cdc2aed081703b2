//! How bytes move: HTTP and the layers round it, composed in one order.
