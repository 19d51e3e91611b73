//! Why there is no answer, or no connection.

use std::error::Error as _;
use std::io;

use hyper_util::client::legacy::Error as ClientError;
use rustls::pki_types::ServerName;
use rustls::{AlertDescription as Alert, CertificateError, PeerIncompatible};

use crate::sandbox::LimitKind;

/// Why no connection came about: the reason, its stable name, and what is said about the server.
macro_rules! reasons {
    ($($(#[$about:meta])* $reason:ident = $name:literal, $text:literal;)*) => {
        /// Why no connection to Milvus came about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[non_exhaustive]
        pub enum ConnectError { $($(#[$about])* #[error($text)] $reason,)* }

        impl ConnectError {
            /// Stable name, as in audit lines.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$reason => $name,)* }
            }
        }
    };
}

reasons! {
    /// No resolver knows the name.
    Name = "dns-error", "its name cannot be resolved";
    /// The name stands for other addresses than the pinned ones; see `EndpointBuilder::pin_addresses`.
    AddressesChanged = "dns-addresses-changed", "its name no longer stands for the addresses that it stood for at first";
    /// Nobody listens there.
    Refused = "connection-refused", "the connection was refused";
    /// No way leads there.
    Unreachable = "unreachable", "there is no way to its address";
    /// Nobody answered within the time for connecting.
    Timeout = "connect-timeout", "its address does not answer";
    /// The certificate's time is over.
    CertificateExpired = "tls-certificate-expired", "its certificate has expired";
    /// The certificate's time has not begun.
    CertificateNotYetValid = "tls-certificate-not-yet-valid", "its certificate is not valid yet";
    /// The certificate does not hold the name.
    CertificateName = "tls-certificate-name", "its certificate is for another name";
    /// The certificate does not hold the address by which it is spoken to.
    CertificateAddress = "tls-certificate-address", "its certificate is not for this address";
    /// Nobody trusted vouches for the certificate: self-signed, or of an unknown authority.
    CertificateIssuer = "tls-certificate-issuer", "nobody who is trusted vouches for its certificate";
    /// The certificate is an authority's own, as `openssl req -x509` makes them, and no server's.
    CertificateOfAuthority = "tls-certificate-of-authority", "its certificate is an authority's, not a server's";
    /// The certificate is at fault in another way.
    Certificate = "tls-certificate", "its certificate cannot be verified";
    /// The server asks for a client certificate, and there is none.
    ClientCertificateMissing = "tls-client-certificate-missing", "it lets nobody in without a client certificate";
    /// The server does not take the client certificate.
    ClientCertificateRefused = "tls-client-certificate-refused", "it refuses the client certificate";
    /// The server speaks neither TLS 1.2 nor 1.3.
    TlsVersion = "tls-version", "it speaks neither TLS 1.2 nor TLS 1.3";
    /// What answers speaks no TLS: plain HTTP, for example.
    NoTls = "tls-not-spoken", "it answers without TLS";
    /// The server broke TLS off, or breaks its rules.
    Tls = "tls-error", "it does not speak TLS as it should";
}

impl ConnectError {
    /// Whether the server's certificate is at fault.
    pub(crate) fn is_certificate(self) -> bool {
        self.name().starts_with("tls-certificate")
    }

    /// Whether the server speaks TLS, though not as it should.
    #[must_use]
    pub fn shows_tls(self) -> bool {
        let client = matches!(
            self,
            Self::ClientCertificateMissing | Self::ClientCertificateRefused | Self::TlsVersion
        );
        client || self.is_certificate()
    }

    fn client(error: &ClientError) -> Self {
        let mut found = Self::Unreachable;
        let mut source = error.source();
        while let Some(cause) = source {
            // hyper-util has no type for it: the text is its constant.
            if cause.to_string().starts_with("dns error") {
                found = Self::Name;
            }
            if let Some(cause) = cause.downcast_ref::<io::Error>() {
                found = match (find(cause), found) {
                    (Some(own), _) => return own,
                    (None, Self::Name) => Self::Name,
                    (None, _) => Self::io(cause),
                };
            }
            if let Some(cause) = cause.downcast_ref() {
                return Self::tls(cause);
            }
            source = cause.source();
        }
        found
    }

    fn io(error: &io::Error) -> Self {
        // hyper-rustls wraps what ended a handshake once more.
        if let Some(inner) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
            return Self::io(inner);
        }
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::Timeout,
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => Self::Tls,
            _ => Self::Unreachable,
        }
    }

    fn tls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::InvalidCertificate(error) => Self::certificate(error),
            // The first byte of a plain answer is the type of no TLS record.
            rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
                Self::NoTls
            }
            rustls::Error::PeerIncompatible(
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            ) => Self::TlsVersion,
            rustls::Error::AlertReceived(alert) => Self::alert(*alert),
            _ => Self::Tls,
        }
    }

    fn certificate(error: &CertificateError) -> Self {
        use CertificateError as E;
        match error {
            E::Expired | E::ExpiredContext { .. } => Self::CertificateExpired,
            E::NotValidYet | E::NotValidYetContext { .. } => Self::CertificateNotYetValid,
            E::NotValidForNameContext {
                expected: ServerName::IpAddress(_),
                ..
            } => Self::CertificateAddress,
            E::NotValidForName | E::NotValidForNameContext { .. } => Self::CertificateName,
            // An authority of a trusted one's name, with another key.
            E::UnknownIssuer | E::BadSignature => Self::CertificateIssuer,
            // rustls has no type for it: the text is its verifier's constant.
            E::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
                Self::CertificateOfAuthority
            }
            _ => Self::Certificate,
        }
    }

    /// What a server says when it ends a handshake.
    fn alert(alert: Alert) -> Self {
        match alert {
            Alert::ProtocolVersion => Self::TlsVersion,
            Alert::CertificateRequired => Self::ClientCertificateMissing,
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied => Self::ClientCertificateRefused,
            _ => Self::Tls,
        }
    }
}

/// What a connection failed for, out of the one or two I/O errors around it.
fn find(error: &io::Error) -> Option<ConnectError> {
    let inner = error.get_ref()?;
    if let Some(tls) = inner.downcast_ref() {
        return Some(ConnectError::tls(tls));
    }
    match inner.downcast_ref() {
        Some(own) => Some(*own),
        None => inner.downcast_ref().and_then(find),
    }
}

/// Why there is no answer. Holds no text of the server and none of the component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransportError {
    /// There is no connection. In TLS 1.3 a server may refuse the client's certificate when the request is out.
    Connect(ConnectError),
    /// The connection ended before an answer began.
    Terminated,
    /// An answer began and did not end as it should.
    Incomplete,
    /// What came is no HTTP.
    Protocol,
    HeadTooLarge,
    AnswerTooLarge(u64),
    Encoded,
    /// The time is up: the host's limit, or what the component asked for.
    Timeout(Option<LimitKind>),
    Overloaded,
    /// The request could not be built from what was admitted: a fault of the host.
    Internal,
}

impl TransportError {
    /// Stable name, for audit lines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Connect(error) => error.name(),
            Self::Terminated => "connection-terminated",
            Self::Incomplete => "answer-incomplete",
            Self::Protocol => "answer-malformed",
            Self::HeadTooLarge => "answer-head-too-large",
            Self::AnswerTooLarge(_) => "answer-too-large",
            Self::Encoded => "answer-encoded",
            Self::Timeout(_) => "timeout",
            Self::Overloaded => "overloaded",
            Self::Internal => "internal",
        }
    }

    /// Why there was no connection, if that is it.
    pub(crate) fn connection(self) -> Option<ConnectError> {
        match self {
            Self::Connect(error) => Some(error),
            _ => None,
        }
    }

    /// The limit that was reached, if one was.
    pub(crate) fn limit(self) -> Option<LimitKind> {
        match self {
            Self::AnswerTooLarge(_) => Some(LimitKind::ResponseBytes),
            Self::Overloaded => Some(LimitKind::BudgetBytes),
            Self::Timeout(limit) => limit,
            _ => None,
        }
    }

    /// Whether Milvus cannot have seen the request.
    pub(crate) fn before_sending(self) -> bool {
        use ConnectError::{ClientCertificateMissing, ClientCertificateRefused};
        match self {
            Self::Connect(ClientCertificateMissing | ClientCertificateRefused) => false,
            Self::Connect(_) | Self::Internal => true,
            _ => false,
        }
    }

    pub(super) fn client(error: &ClientError) -> Self {
        if error.is_connect() {
            return Self::Connect(ConnectError::client(error));
        }
        let mut found = Self::Terminated;
        let mut source = error.source();
        while let Some(cause) = source {
            if let Some(cause) = cause.downcast_ref::<hyper::Error>() {
                found = Self::hyper(cause, Self::Terminated);
            }
            if let Some(alert) = cause.downcast_ref().and_then(find) {
                return Self::Connect(alert);
            }
            // Of what ends a connection h2 keeps the text, which is rustls' constant.
            if cause
                .to_string()
                .ends_with("fatal alert: CertificateRequired")
            {
                return Self::Connect(ConnectError::ClientCertificateMissing);
            }
            source = cause.source();
        }
        found
    }

    pub(super) fn body(error: &hyper::Error) -> Self {
        Self::hyper(error, Self::Incomplete)
    }

    fn hyper(error: &hyper::Error, otherwise: Self) -> Self {
        if error.is_parse_too_large() {
            Self::HeadTooLarge
        } else if error.is_parse() {
            Self::Protocol
        } else if error.is_timeout() {
            Self::Timeout(None)
        } else {
            otherwise
        }
    }
}
