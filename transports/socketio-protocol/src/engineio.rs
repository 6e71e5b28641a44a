//! Engine.IO, protocol revisions 3 and 4.
