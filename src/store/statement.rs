//! Fixed SQL that Diesel prepares once a connection, for what its query builder can't say.
//!
//! `diesel::sql_query` would be parsed and planned anew each time.

/// Declares a statement: its SQL in pieces with the value between two of them, and the SQL types of the columns it returns.
///
/// The values are bound in the order in which they stand. They may borrow for `'a`.
macro_rules! statement {
    (
        $(#[$meta:meta])*
        struct $name:ident<$lt:lifetime> -> $row:ty {
            $begin:literal
            $($field:ident: $type:ty as $sql_type:ty, $sql:literal)*
        }
    ) => {
        $(#[$meta])*
        struct $name<$lt> {
            $($field: $type,)*
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name<'_> {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                out.push_sql($begin);
                $(
                    out.push_bind_param::<$sql_type, _>(&self.$field)?;
                    out.push_sql($sql);
                )*
                Ok(())
            }
        }

        impl diesel::query_builder::QueryId for $name<'_> {
            type QueryId = $name<'static>;
            // The text never depends on the values, so the type alone names the prepared statement.
            const HAS_STATIC_QUERY_ID: bool = true;
        }

        impl diesel::query_builder::Query for $name<'_> {
            type SqlType = $row;
        }
    };
}

pub(super) use statement;
