//! Where no provider is. Whoever writes a provider has the operator call an address of their choice, and most clouds answer
//! on link-local ones with the credentials of the machine.

use std::net::{IpAddr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// What an error says if a name stands for nothing but forbidden addresses.
pub(super) const FORBIDDEN: &str = "no address that may be called";

/// Whether the host of a URL is given as an address that is never called.
pub(super) fn is_forbidden_host(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_forbidden(address.into()),
        Some(Host::Ipv6(address)) => is_forbidden(address.into()),
        Some(Host::Domain(_)) | None => false,
    }
}

/// Link-local, unspecified and multicast addresses. Loopback and private ones are where many providers are.
fn is_forbidden(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_unspecified() || v4.is_multicast(),
        IpAddr::V6(v6) => v6.is_unicast_link_local() || v6 == Ipv6Addr::UNSPECIFIED || v6.is_multicast(),
    }
}

/// Resolves names as the host does, and leaves out the addresses that are never called.
#[derive(Debug)]
pub(super) struct Resolver;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<_> = found.filter(|address| !is_forbidden(address.ip())).collect();
            if allowed.is_empty() {
                return Err(FORBIDDEN.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(host: &str) -> bool {
        is_forbidden_host(&Url::parse(&format!("http://{host}:80/")).unwrap())
    }

    #[test]
    fn addresses_where_clouds_keep_credentials_are_forbidden_however_they_are_written() {
        for written in [
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "[fe80::1]",
            "[febf::1]",
            "[::ffff:169.254.169.254]",
            "0.0.0.0",
            "[::]",
            "224.0.0.1",
            "[ff02::1]",
        ] {
            assert!(host(written), "{written}");
        }
        for written in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "[::1]", "[fd00::1]", "169.255.0.1", "prometheus"] {
            assert!(!host(written), "{written}");
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved_to_addresses_that_may_be_called() {
        let resolved = |name: &str| Resolver.resolve(name.parse().unwrap());
        let local: Vec<_> = resolved("localhost").await.unwrap().collect();
        assert!(!local.is_empty() && local.iter().all(|address| address.ip().is_loopback()), "{local:?}");
        // An address is a name that needs no server.
        let error = resolved("169.254.169.254").await.err().unwrap();
        assert_eq!(error.to_string(), FORBIDDEN);
    }
}
