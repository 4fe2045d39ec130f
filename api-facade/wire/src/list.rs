//! Lists of objects, built from objects that are encoded already.

use crate::Kind;
use crate::json::write_str;

/// Appends the list of the items, each the wire form of an object.
pub fn write<K: Kind>(items: impl IntoIterator<Item = impl AsRef<[u8]>>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"api\": ");
    write_str(K::API, out);
    out.extend_from_slice(b", \"kind\": ");
    write_str(&format!("{}List", K::KIND), out);
    out.extend_from_slice(b", \"metadata\": {}, \"items\": [");
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(b", ");
        }
        out.extend_from_slice(item.as_ref());
    }
    out.extend_from_slice(b"]}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::Cluster;

    #[test]
    fn a_list_wraps_its_items_untouched() {
        let mut out = Vec::new();
        write::<Cluster>([b"{}".as_slice(), b"{\"a\": 1}"], &mut out);
        assert_eq!(
            out,
            b"{\"api\": \"kubernetes\", \"kind\": \"ClusterList\", \"metadata\": {}, \"items\": [{}, {\"a\": 1}]}"
        );
    }

    #[test]
    fn a_list_of_nothing_still_has_its_metadata() {
        let mut out = Vec::new();
        write::<Cluster>(std::iter::empty::<Vec<u8>>(), &mut out);
        assert_eq!(out, b"{\"api\": \"kubernetes\", \"kind\": \"ClusterList\", \"metadata\": {}, \"items\": []}");
    }
}
