//! SQL of our own for what Diesel's query builder can't say.

/// Declares a struct that is a statement: its fields are the values, its text is SQL with `[field as SqlType]` where a value
/// stands. A value may stand in more than one place, and fields may borrow for a lifetime that the struct names.
///
/// After `->` come the SQL types of the columns; a statement that returns no rows has none. Unlike `diesel::sql_query` it
/// is prepared once a connection, and its rows are read by position.
macro_rules! statement {
    (
        $(#[$doc:meta])*
        struct $name:ident $(<$lt:lifetime>)? { $($field:ident: $type:ty),* $(,)? } $(-> $row:ty)?;
        $($sql:literal $([$value:ident as $sql_type:ty])?)*
    ) => {
        $(#[$doc])*
        struct $name $(<$lt>)? {
            $($field: $type,)*
        }

        impl $(<$lt>)? diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name $(<$lt>)? {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $(
                    out.push_sql($sql);
                    $(out.push_bind_param::<$sql_type, _>(&self.$value)?;)?
                )*
                Ok(())
            }
        }

        const _: () = {
            /// Names the statement among the prepared ones, since its text never depends on the values.
            pub struct Id;

            impl $(<$lt>)? diesel::query_builder::QueryId for $name $(<$lt>)? {
                type QueryId = Id;
                const HAS_STATIC_QUERY_ID: bool = true;
            }
        };

        statement! { @rows $name [$(<$lt>)?] $($row)? }
    };
    // A rule of its own, since the lifetime can't be repeated within the repetition of the row.
    (@rows $name:ident [$($lifetime:tt)*]) => {};
    (@rows $name:ident [$($lifetime:tt)*] $row:ty) => {
        impl $($lifetime)* diesel::query_builder::Query for $name $($lifetime)* {
            type SqlType = $row;
        }
    };
}

pub(super) use statement;
