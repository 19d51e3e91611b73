//! The fields of a collection, for one call: those that its caller passes as a token, or looked up.

use crate::client::{Client, selection};
use crate::contract::types::{CollectionSchema, FieldSchema, RowBatch};
use crate::error::Error;
use crate::operations::collections::DescribeCollection;
use crate::values::columns::{self, Row};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

/// What a token begins with; another version's is refused.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), ":");

/// The longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 1 << 20;

/// One field in a token: name, type, element's type, dimension, flags.
type Packed = (String, String, Option<String>, Option<u32>, u8);

/// The fields of a collection, with their token; one HTTP request.
///
/// # Errors
/// Milvus' own, or `protocol` if the description has no primary key.
pub fn describe(
    client: &mut Client<'_>,
    collection_name: &str,
    extra: Option<&str>,
) -> Result<CollectionSchema, Error> {
    client.add::<DescribeCollection>(extra)?;
    let mut schema = selection::schema(client, collection_name)?;
    schema.token = token(&schema)?;
    Ok(schema)
}

/// A schema as text that is handed back.
pub(super) fn token(schema: &CollectionSchema) -> Result<String, Error> {
    let pack = |field: &FieldSchema| -> Packed {
        let flags = [
            field.primary_key,
            field.auto_id,
            field.nullable,
            field.function_output,
        ];
        let bits = flags.iter().enumerate();
        (
            field.name.clone(),
            field.data_type.clone(),
            field.element_type.clone(),
            field.dim,
            bits.fold(0, |bits, (at, flag)| bits | u8::from(*flag) << at),
        )
    };
    let fields: Vec<Packed> = schema.fields.iter().map(pack).collect();
    let text = serde_json::to_string(&(schema.enable_dynamic_field, fields))
        .map_err(|cause| Error::protocol(&cause.into()))?;
    Ok(BASE64URL.encode(format!("{VERSION}{text}")))
}

/// The schema of a token.
///
/// # Errors
/// `invalid-argument`: this version did not make it.
fn read(token: &str) -> Result<CollectionSchema, Error> {
    let text = (token.len() <= MAX_TOKEN_BYTES)
        .then(|| BASE64URL.decode(token).ok())
        .flatten()
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let read = text.as_deref().and_then(|text| {
        let fields = text.strip_prefix(VERSION)?;
        serde_json::from_str::<(bool, Vec<Packed>)>(fields).ok()
    });
    let Some((enable_dynamic_field, fields)) = read else {
        return Err(Error::invalid(
            "schema",
            "expected the token that `describe-schema` of this version made",
        ));
    };
    let unpack = |(name, data_type, element_type, dim, flags): Packed| FieldSchema {
        name,
        data_type,
        element_type,
        dim,
        primary_key: flags & 1 != 0,
        auto_id: flags & 2 != 0,
        nullable: flags & 4 != 0,
        function_output: flags & 8 != 0,
    };
    let schema = CollectionSchema {
        fields: fields.into_iter().map(unpack).collect(),
        enable_dynamic_field,
        token: String::new(),
    };
    columns::primary_key(&schema)
        .map_err(|_| Error::invalid("schema", "expected one with a primary key"))?;
    Ok(schema)
}

/// The fields that a call reads by.
pub(super) struct Fields<'a> {
    collection_name: &'a str,
    known: Option<CollectionSchema>,
    /// The server said so in this call.
    looked_up: bool,
}

impl<'a> Fields<'a> {
    /// Those of a token, or none so far.
    pub(super) fn of(token: Option<&str>, collection_name: &'a str) -> Result<Self, Error> {
        Ok(Self {
            collection_name,
            known: token.map(read).transpose()?,
            looked_up: false,
        })
    }

    /// What is known of them without asking.
    pub(super) fn known(&self) -> Option<&CollectionSchema> {
        self.known.as_ref()
    }

    /// They themselves; looked up if nothing is known of them.
    pub(super) fn get(&mut self, client: &mut Client<'_>) -> Result<&CollectionSchema, Error> {
        match &mut self.known {
            Some(known) => Ok(known),
            nothing => {
                self.looked_up = true;
                Ok(nothing.insert(selection::schema(client, self.collection_name)?))
            }
        }
    }

    /// Rows as columns. Where a row has a field that a token lacks, the collection has changed: they are looked up again.
    pub(super) fn columns(
        &mut self,
        client: &mut Client<'_>,
        rows: Vec<Row>,
    ) -> Result<RowBatch, Error> {
        let schema = self.get(client)?;
        if columns::has_unknown(&rows, schema) && !self.looked_up {
            self.known = None;
        }
        columns::decode(rows, self.get(client)?).map_err(|cause| Error::protocol(&cause))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{Scripted, connection};
    use crate::contract::types::ColumnData;
    use serde_json::json;

    fn schema(names: &[&str]) -> CollectionSchema {
        let field = |(at, name): (usize, &&str)| FieldSchema {
            name: (*name).to_owned(),
            data_type: "Int64".to_owned(),
            element_type: None,
            dim: None,
            primary_key: at == 0,
            auto_id: at == 0,
            nullable: at == 1,
            function_output: at == 2,
        };
        CollectionSchema {
            fields: names.iter().enumerate().map(field).collect(),
            enable_dynamic_field: false,
            token: String::new(),
        }
    }

    #[test]
    fn a_token_says_what_it_was_made_of() {
        let schema = schema(&["id", "n", "m"]);
        assert_eq!(read(&token(&schema).unwrap()).unwrap(), schema);
    }

    #[test]
    fn a_token_of_somebody_else_is_refused() {
        let ours = token(&schema(&["id"])).unwrap();
        let older = BASE64URL.encode(r#"0.0.1:[false,[["id","Int64",null,null,1]]]"#);
        let keyless = BASE64URL.encode(format!("{VERSION}[false,[]]"));
        for text in ["", "x", &ours[1..], &older, &keyless, &ours.repeat(1 << 16)] {
            let error = read(text).unwrap_err();
            assert_eq!(error.argument.as_deref(), Some("schema"));
        }
    }

    #[test]
    fn a_field_that_a_token_lacks_is_looked_up_and_never_dynamic() {
        let mut transport = Scripted::new().data(
            r#"{"fields":[{"name":"id","type":"Int64","primaryKey":true},{"name":"new","type":"Int64"}]}"#,
        );
        let mut client = Client::new(&mut transport, connection()).unwrap();
        let stale = token(&schema(&["id"])).unwrap();
        let mut fields = Fields::of(Some(&stale), "c").unwrap();
        let row = json!({"id": 1, "new": 2, "later": {"a": 1}});
        let rows = vec![row.as_object().unwrap().clone()];
        let batch = fields.columns(&mut client, rows).unwrap();
        assert_eq!(batch.columns[1].data, ColumnData::Int64(vec![2]));
        assert_eq!(
            batch.columns[2].data,
            ColumnData::Raw(vec![r#"{"a":1}"#.into()])
        );
        assert!(batch.dynamic.is_empty());
        assert_eq!(transport.sent.len(), 1);
    }
}
