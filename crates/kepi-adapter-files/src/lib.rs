//! Native export files and user-described tables: bytes in, pages out.
