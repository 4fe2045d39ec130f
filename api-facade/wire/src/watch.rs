//! The lines of a watch stream.

use crate::schema::enumeration;

enumeration! {
    /// What a write did to an object.
    pub enum EventType {
        /// It created it.
        Added = "ADDED",
        /// It changed it, or just wrote it again.
        Modified = "MODIFIED",
        /// It removed it; the event shows the object as last stored.
        Deleted = "DELETED",
    }
}

/// The line that keeps a silent stream alive.
pub const HEARTBEAT: &[u8] = b"\n";

/// Appends the line of one event, with its end; `object` is the object's wire form.
pub fn write_line(event: EventType, object: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\": \"");
    out.extend_from_slice(event.as_str().as_bytes());
    out.extend_from_slice(b"\", \"object\": ");
    out.extend_from_slice(object);
    out.extend_from_slice(b"}\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let mut out = Vec::new();
        write_line(EventType::Added, b"{\"api\": \"core\"}", &mut out);
        assert_eq!(out, b"{\"type\": \"ADDED\", \"object\": {\"api\": \"core\"}}\n");
    }
}
