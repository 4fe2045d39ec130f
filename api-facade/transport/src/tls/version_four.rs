//! The certificates that the original Krake makes for its hooks.
//!
//! They say that they are of version 4, which does not exist: the original passes the version's name where its number is
//! wanted, which is one less. OpenSSL does not care, rustls refuses them. Pods of applications that are already there have
//! such certificates, so they are read here as what they were meant to be, version 3. Nothing else is relaxed.
//!
//! ```text
//! certificate ── version 4 → 3 ──▶ rustls ── what was signed: version 3 → 4 ──▶ signature
//! ```

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Numbers of versions, as they are written.
const THREE: u8 = 2;
const FOUR: u8 = 3;

/// How deep the version of a certificate is, and that of the part of it that is signed.
const IN_CERTIFICATE: usize = 2;
const IN_SIGNED: usize = 1;

/// Verifies certificates of version 4 as well.
#[derive(Debug)]
pub(super) struct VersionFour(pub(super) Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for VersionFour {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.0.verify_client_cert(&as_meant(certificate), intermediates, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, &as_meant(certificate), signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, &as_meant(certificate), signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Cryptography for the verifier inside of [`VersionFour`].
pub(super) fn provider() -> CryptoProvider {
    CryptoProvider { signature_verification_algorithms: *ALGORITHMS, ..ring::default_provider() }
}

static ALGORITHMS: LazyLock<WebPkiSupportedAlgorithms> = LazyLock::new(|| {
    let known = ring::default_provider().signature_verification_algorithms;
    let all = known.all.iter().map(|algorithm| -> &'static dyn SignatureVerificationAlgorithm {
        // rustls wants them to live for ever. They are few, and made once.
        Box::leak(Box::new(AsSigned(*algorithm)))
    });
    WebPkiSupportedAlgorithms { all: all.collect::<Vec<_>>().leak(), ..known }
});

/// Finds a signature good that was made before the version was changed.
#[derive(Debug)]
struct AsSigned(&'static dyn SignatureVerificationAlgorithm);

impl SignatureVerificationAlgorithm for AsSigned {
    fn verify_signature(&self, public_key: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let is_good = |signed: &[u8]| self.0.verify_signature(public_key, signed, signature);
        is_good(signed).or_else(|invalid| is_good(&relabelled(signed, IN_SIGNED, (THREE, FOUR)).ok_or(invalid)?))
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

fn as_meant<'a>(certificate: &'a CertificateDer<'a>) -> Cow<'a, CertificateDer<'a>> {
    match relabelled(certificate, IN_CERTIFICATE, (FOUR, THREE)) {
        Some(relabelled) => Cow::Owned(relabelled.into()),
        None => Cow::Borrowed(certificate),
    }
}

/// The same with another version; `None` if it has not the version that is to be changed.
fn relabelled(der: &[u8], depth: usize, (from, to): (u8, u8)) -> Option<Vec<u8>> {
    let at = version_at(der, depth)?;
    let mut der = der.to_vec();
    let version = der.get_mut(at).filter(|version| **version == from)?;
    *version = to;
    Some(der)
}

/// Where the version is written: behind so many heads of sequences, and a head of its own.
fn version_at(der: &[u8], depth: usize) -> Option<usize> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: [u8; 4] = [0xa0, 3, 2, 1];
    let mut rest = der;
    for _ in 0..depth {
        let &[SEQUENCE, length, ..] = rest else { return None };
        // Lengths from 128 on are written in as many bytes as the lower bits say.
        let more = if length < 0x80 { 0 } else { usize::from(length & 0x7f) };
        rest = rest.get(2 + more..)?;
    }
    rest.starts_with(&VERSION).then(|| der.len() - rest.len() + VERSION.len())
}

#[cfg(test)]
mod tests {
    use super::super::authority::Authority;
    use super::*;

    #[test]
    fn certificates_of_other_versions_stay_as_they_are() {
        let root = Authority::root("clients");
        for certificate in [root.der(), root.client(Some("amy")).der(), CertificateDer::from(vec![0x30])] {
            assert!(matches!(as_meant(&certificate), Cow::Borrowed(_)));
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_version() {
        let nothing: [&[u8]; 6] =
            [b"", &[0x30], &[0x30, 0xff], &[0x30, 0x82, 0, 9, 0x30], &[4, 5, 0xa0, 3, 2, 1], &[0x30; 64]];
        for der in nothing {
            assert_eq!(version_at(der, IN_CERTIFICATE), None);
        }
        // A head that is cut off right before the number.
        assert_eq!(relabelled(&[0x30, 4, 0xa0, 3, 2, 1], IN_SIGNED, (THREE, FOUR)), None);
    }
}
