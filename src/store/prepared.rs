//! SQL of our own for what Diesel's query builder can't say.

/// A struct that is a query: its fields are the parameters, its text is SQL with `[field as SqlType]` where a
/// parameter stands.
///
/// Unlike `diesel::sql_query` such a query is prepared once a connection and its rows are read by position, with the
/// types given after `->` (none for a command).
macro_rules! prepared {
    (
        $(#[$doc:meta])*
        struct $name:ident { $($field:ident: $type:ty),* $(,)? } $(-> $row:ty)?;
        $($sql:literal $([$bind:ident as $sql_type:ty])?)*
    ) => {
        $(#[$doc])*
        #[derive(Debug, diesel::query_builder::QueryId)]
        struct $name {
            $($field: $type,)*
        }

        impl diesel::query_builder::QueryFragment<diesel::pg::Pg> for $name {
            fn walk_ast<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::pg::Pg>,
            ) -> diesel::QueryResult<()> {
                $(
                    out.push_sql($sql);
                    $(out.push_bind_param::<$sql_type, _>(&self.$bind)?;)?
                )*
                Ok(())
            }
        }

        $(
            impl diesel::query_builder::Query for $name {
                type SqlType = $row;
            }
        )?
    };
}

pub(super) use prepared;
