//! Socket.IO: packets with attachments, namespaces, acknowledgements.
