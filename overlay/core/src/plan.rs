//! The plan, and the pure function that makes it.
