//! The body of a request, read with an end to its size and its time.

use super::answer;
use actix_web::{HttpResponse, web};
use bytes::BytesMut;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::time::timeout;

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads a body of so many bytes at most.
///
/// # Errors
/// The answer: 400 for a body that breaks off or comes too slowly, 413 for one that is too long.
pub async fn read(mut body: web::Payload, most: usize) -> Result<BytesMut, HttpResponse> {
    let read = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|_| answer::bad_request("Requête incomplète"))?;
            if bytes.len().saturating_add(chunk.len()) > most {
                return Err(answer::too_large());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    match timeout(PATIENCE, read).await {
        Ok(read) => read,
        Err(_) => Err(answer::bad_request("Requête incomplète")),
    }
}
