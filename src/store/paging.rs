//! Pages of lists: read with one row more than asked for, which tells whether there is more.

/// Cuts a list that was read with one row more than its limit. Returns whether there was more.
pub(super) fn truncate<T>(rows: &mut Vec<T>, limit: i64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(0);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}
