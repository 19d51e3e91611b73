//! What to do where no connection to Milvus came about.

use host_harness::{ConnectError, Origin};

/// Advice for a person, by what the host saw.
pub(crate) fn advice(reason: ConnectError, origin: &Origin) -> String {
    match reason {
        ConnectError::Name => "is the name right? --uri or MILVUS_URI names another; --address IP says where the name \
             is if this machine's resolver does not know it"
            .to_owned(),
        ConnectError::AddressesChanged => {
            "does somebody send the name elsewhere? --address IP says where it is".to_owned()
        }
        ConnectError::Unreachable | ConnectError::Timeout => {
            "is it the right address, and does a firewall stand between? --uri or MILVUS_URI names another".to_owned()
        }
        ConnectError::CertificateExpired => {
            "whoever runs it has to renew it, if this machine's clock is right".to_owned()
        }
        ConnectError::CertificateNotYetValid => "is this machine's clock right?".to_owned(),
        ConnectError::CertificateName | ConnectError::CertificateAddress => {
            "name Milvus as its certificate does, with --uri; where a resolver does not know that name, --address IP \
             says where it is"
                .to_owned()
        }
        ConnectError::CertificateIssuer => {
            "is it self-signed, or of a private authority? --ca-cert FILE names the certificate that vouches for it"
                .to_owned()
        }
        ConnectError::CertificateOfAuthority => {
            "`openssl req -x509` makes such ones: whoever runs it has to sign one for the server with it (CA:FALSE); \
             --ca-cert then names the authority's"
                .to_owned()
        }
        ConnectError::Certificate => format!(
            "whoever runs it has to see to it: openssl s_client -showcerts -connect {}:{}",
            origin.host(),
            origin.port()
        ),
        ConnectError::ClientCertificateMissing => {
            "--client-cert FILE and --client-key FILE show it one".to_owned()
        }
        ConnectError::ClientCertificateRefused => {
            "is it the right one, in its time, and of an authority that the server trusts? --client-cert and \
             --client-key name another"
                .to_owned()
        }
        ConnectError::TlsVersion => {
            "whoever runs it has to turn on TLS 1.2 or 1.3: older ones protect nothing".to_owned()
        }
        ConnectError::NoTls | ConnectError::Tls => format!(
            "does it speak plain http? Then, unencrypted: --uri http://{}:{}",
            origin.host(),
            origin.port()
        ),
        _ => "is Milvus running? `milvus-host local` starts one; --uri or MILVUS_URI names another"
            .to_owned(),
    }
}
