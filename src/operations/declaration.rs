//! How an operation is declared.
//!
//! ```text
//! operations! {
//!     /// Creates a partition; one that exists is no error.
//!     CreatePartition = partitions::CREATE, not in v1: "partitions" => Done {
//!         /// Collection or alias.
//!         collection_name: Identifier,
//!         /// The new partition.
//!         partition_name: String,
//!     }
//!     Search = entities::SEARCH => Hits;
//! }
//! ```
//!
//! The first is declared whole: its row in the table of routes, what it answers, its keys. It expands to
//!
//! ```text
//! /// Creates a partition; one that exists is no error.
//! #[derive(Debug, Clone, Default, Serialize)]
//! #[serde(rename_all = "camelCase")]
//! pub struct CreatePartition {
//!     /// Collection or alias.
//!     #[serde(skip_serializing_if = "FromArgument::is_absent")]
//!     pub collection_name: Identifier,
//!     /// The new partition.
//!     #[serde(skip_serializing_if = "FromArgument::is_absent")]
//!     pub partition_name: String,
//! }
//!
//! impl Operation for CreatePartition {
//!     const ROUTE: &'static Route = &routes::partitions::CREATE;
//!     type Answer = Done;
//! }
//!
//! impl NotInV1 for CreatePartition {
//!     const LACKS: &'static str = "partitions";
//! }
//!
//! impl FromArguments for CreatePartition { .. }
//! ```
//!
//! where `FromArguments` takes each key from the argument of its name. The second has its struct written by hand beside
//! it, and gets `Operation` alone. An operation that v1 has says in `dialect::v1` what it is there.

/// Declares the operations of a file. See the [module](self).
macro_rules! operations {
    ($(
        $(#[$doc:meta])*
        $name:ident $(<$life:lifetime>)? = $family:ident::$row:ident $(, not in v1: $lacks:literal)? => $answer:ident
        $body:tt
    )*) => {
        $(
            operations!(@body [$(#[$doc])*] $name $body);

            impl $crate::operations::Operation for $name $(<$life>)? {
                const ROUTE: &'static routes::Route = &routes::$family::$row;
                type Answer = $answer;
            }

            $(impl $crate::operations::NotInV1 for $name {
                const LACKS: &'static str = $lacks;
            })?
        )*

        /// The rows of this file's operations.
        pub(super) const ROUTES: &[&routes::Route] = &[$(<$name as $crate::operations::Operation>::ROUTE),*];

        /// Shows every operation of this file to `visitor`.
        #[cfg(test)]
        pub(super) fn visit(visitor: &mut impl $crate::operations::Visitor) {
            $(visitor.visit::<$name>();)*
        }
    };
    (@body [] $name:ident ;) => {};
    (@body [$(#[$doc:meta])*] $name:ident {
        $($(#[$about:meta])* $key:ident: $kind:ty),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, serde::Serialize)]
        #[cfg_attr(test, derive(serde::Deserialize))]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {$(
            $(#[$about])*
            #[serde(skip_serializing_if = "crate::arguments::FromArgument::is_absent")]
            pub $key: $kind,
        )*}

        impl $crate::operations::FromArguments for $name {
            fn names() -> Vec<(&'static str, bool)> {
                vec![$((
                    stringify!($key),
                    <$kind as $crate::arguments::FromArgument>::absent().is_none(),
                )),*]
            }

            #[allow(unused_variables, reason = "an operation may have no keys")]
            fn take(arguments: &mut $crate::arguments::Arguments) -> Result<Self, $crate::error::Error> {
                Ok(Self {$($key: arguments.get(stringify!($key))?),*})
            }

            fn arguments(&self) -> serde_json::Map<String, serde_json::Value> {
                #[allow(unused_mut, reason = "an operation may have no keys")]
                let mut given = serde_json::Map::new();
                $(if !$crate::arguments::FromArgument::is_absent(&self.$key) {
                    given.insert(stringify!($key).to_owned(), serde_json::json!(self.$key));
                })*
                given
            }
        }
    };
}

/// The files that declare operations.
macro_rules! families {
    ($($family:ident),* $(,)?) => {
        /// The rows of the operations that are declared.
        pub const ROUTES: &[&[&Route]] = &[$($family::ROUTES),*];

        /// Shows every operation to `visitor`.
        #[cfg(test)]
        pub(crate) fn visit(visitor: &mut impl Visitor) {
            $($family::visit(visitor);)*
        }
    };
}

/// Answers that are in `data` as they are read, with what `data` is said to be where it is none.
macro_rules! answers {
    ($($answer:ty: $what:literal),* $(,)?) => {$(
        impl $crate::operations::Answer for $answer {
            fn read(reply: $crate::operations::Reply) -> anyhow::Result<Self> {
                $crate::operations::read(&reply.data, $what)
            }
        }
    )*};
}
