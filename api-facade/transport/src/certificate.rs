//! The name in a client's certificate. Whether the certificate may be believed was decided when it connected: see `tls`.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;

/// The longest name. X.509 asks for 64 characters at most, which not all keep to.
const MAX_NAME_BYTES: usize = 1024;

/// What the connection of a request proves: who the client's certificate says it is. One connection, one certificate.
#[derive(Clone, Debug)]
pub struct Certified(pub Arc<str>);

impl Certified {
    /// The first common name in the subject of a certificate that was verified; `None` if it has none, or one that is no
    /// text or longer than 1024 bytes.
    #[must_use]
    pub(crate) fn by(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let name = certificate.subject().iter_common_name().next()?.as_str().ok()?;
        (1..=MAX_NAME_BYTES).contains(&name.len()).then(|| Self(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
    use rustls::pki_types::pem::PemObject;

    use super::*;

    fn name(subject: &[(DnType, &str)]) -> Option<String> {
        let mut wanted = CertificateParams::default();
        wanted.distinguished_name = DistinguishedName::new();
        for (kind, value) in subject {
            wanted.distinguished_name.push(kind.clone(), *value);
        }
        let certificate = wanted.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certified::by(certificate.der()).map(|Certified(name)| name.to_string())
    }

    #[test]
    fn the_common_name_is_the_user() {
        let organisation = (DnType::OrganizationName, "Krake");
        assert_eq!(name(&[organisation, (DnType::CommonName, "system:admin")]), Some("system:admin".to_owned()));
    }

    /// Made by `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -subj /O=Krake/CN=first/CN=second`.
    const TWO_NAMES: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBujCCAV+gAwIBAgIUTrVY4cBE0qi+Xy+pmuYprcpn8LUwCgYIKoZIzj0EAwIw
MTEOMAwGA1UECgwFS3Jha2UxDjAMBgNVBAMMBWZpcnN0MQ8wDQYDVQQDDAZzZWNv
bmQwIBcNMjYxMTI1MTg1ODAyWhgPMjEyNjExMDExODU4MDJaMDExDjAMBgNVBAoM
BUtyYWtlMQ4wDAYDVQQDDAVmaXJzdDEPMA0GA1UEAwwGc2Vjb25kMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEd1hdWuY3uvZwwGWSyd8NQ3ow9f6uAaibgu8JUXra
k1I3xUxp3gYCEti/TjZeE+3kkEUW7SLuY8VdSYigzFJYyaNTMFEwHQYDVR0OBBYE
FLBVuTG8GYXEM8zkjPoY7EJ9CuJtMB8GA1UdIwQYMBaAFLBVuTG8GYXEM8zkjPoY
7EJ9CuJtMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAOdpNoNd
DrJuJhBPz41EaiwV32JfT76rhePNe34o1xECAiEAjeYZGD7d52LN5SDZIcvkRPcW
6eiIfC7qbiT//MPgr3Y=
-----END CERTIFICATE-----
";

    #[test]
    fn of_several_common_names_the_first_counts() {
        let certificate = CertificateDer::from_pem_slice(TWO_NAMES).unwrap();
        assert_eq!(&*Certified::by(&certificate).unwrap().0, "first");
    }

    #[test]
    fn a_certificate_without_a_common_name_names_nobody() {
        assert_eq!(name(&[(DnType::OrganizationName, "Krake")]), None);
        assert_eq!(name(&[(DnType::CommonName, "")]), None);
        assert_eq!(name(&[(DnType::CommonName, &"x".repeat(1025))]), None);
        assert!(Certified::by(&CertificateDer::from(vec![0x30, 0x03])).is_none());
    }
}
