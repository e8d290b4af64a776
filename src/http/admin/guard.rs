//! Who may ask the admin listener.

use super::AdminState;
use crate::http::problem;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, web};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, SocketAddr};

/// Lets a request pass that names this listener, comes from no other site and has the token, where one is asked for.
pub async fn check(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let refusal =
        request.app_data::<web::Data<AdminState>>().map_or(Some(StatusCode::INTERNAL_SERVER_ERROR), |state| {
            refusal(request.headers(), request.uri().authority(), state.listener, state.token.as_ref())
        });
    match refusal {
        None => Ok(next.call(request).await?.map_into_boxed_body()),
        Some(status) => Ok(request.into_response(answer(status))),
    }
}

fn answer(status: StatusCode) -> HttpResponse {
    let mut response = problem::status(status);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static("Bearer"));
    }
    response
}

/// Why a request is refused, if it is. `target` is the authority of a request that names it in its first line.
fn refusal(
    headers: &HeaderMap,
    target: Option<&Authority>,
    listener: SocketAddr,
    token: Option<&[u8; 32]>,
) -> Option<StatusCode> {
    let Some(host) = host_of(headers) else { return Some(StatusCode::MISDIRECTED_REQUEST) };
    if !is_ours(&host, listener.ip()) || target.is_some_and(|target| *target != host) {
        return Some(StatusCode::MISDIRECTED_REQUEST);
    }
    if headers.contains_key(header::ORIGIN) && !is_same_site(headers, &host) {
        return Some(StatusCode::FORBIDDEN);
    }
    match token {
        Some(expected) if bearer(headers).map(|token| Sha256::digest(token).into()) != Some(*expected) => {
            Some(StatusCode::UNAUTHORIZED)
        }
        _ => None,
    }
}

/// The one `Host` of a request.
fn host_of(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(header::HOST);
    let host = hosts.next()?.to_str().ok()?.parse().ok()?;
    if hosts.next().is_some() { None } else { Some(host) }
}

/// Whether a host is the machine itself or the listener's address. The port does not matter: behind a tunnel it is another.
/// A listener on all addresses takes any that is written in numbers: no one can make a name of theirs stand for that.
fn is_ours(host: &Authority, listener: IpAddr) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    match name.parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || address == listener || listener.is_unspecified(),
        Err(_) => name.eq_ignore_ascii_case("localhost"),
    }
}

/// Whether the one `Origin` is a page of this very listener.
fn is_same_site(headers: &HeaderMap, host: &Authority) -> bool {
    let mut origins = headers.get_all(header::ORIGIN);
    let origin = origins.next().and_then(|origin| origin.to_str().ok()).unwrap_or_default();
    let site = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    origins.next().is_none() && site.is_some_and(|site| site.eq_ignore_ascii_case(host.as_str()))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn ask(listener: &str, token: Option<&str>, headers: &[(&str, &str)]) -> Option<StatusCode> {
        let mut request = TestRequest::default();
        for header in headers {
            request = request.append_header(*header);
        }
        let token = token.map(|token| Sha256::digest(token).into());
        refusal(request.to_http_request().headers(), None, listener.parse().unwrap(), token.as_ref())
    }

    #[test]
    fn only_hosts_of_this_machine_are_answered() {
        for host in ["localhost", "localhost:9090", "LOCALHOST:1", "127.0.0.1:9090", "127.0.0.9", "[::1]:9090"] {
            assert_eq!(ask("127.0.0.1:9090", None, &[("host", host)]), None, "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "192.0.2.1:9090", "", "a b", "[::2]"] {
            let refused = Some(StatusCode::MISDIRECTED_REQUEST);
            assert_eq!(ask("127.0.0.1:9090", None, &[("host", host)]), refused, "{host}");
        }
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(ask("127.0.0.1:9090", None, &twice), Some(StatusCode::MISDIRECTED_REQUEST));
        assert_eq!(ask("127.0.0.1:9090", None, &[]), Some(StatusCode::MISDIRECTED_REQUEST));
    }

    #[test]
    fn a_listener_beyond_loopback_answers_to_its_own_address() {
        assert_eq!(ask("192.0.2.1:9090", None, &[("host", "192.0.2.1:9090")]), None);
        assert_eq!(ask("0.0.0.0:9090", None, &[("host", "192.0.2.1:9090")]), None);
        let refused = Some(StatusCode::MISDIRECTED_REQUEST);
        assert_eq!(ask("192.0.2.1:9090", None, &[("host", "192.0.2.2:9090")]), refused);
        assert_eq!(ask("0.0.0.0:9090", None, &[("host", "evil.example:9090")]), refused);
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let from = |origin| ask("127.0.0.1:9090", None, &[("host", "localhost:9090"), ("origin", origin)]);
        assert_eq!(from("http://localhost:9090"), None);
        for origin in ["http://localhost:3000", "https://evil.example", "null", "", "localhost:9090"] {
            assert_eq!(from(origin), Some(StatusCode::FORBIDDEN), "{origin}");
        }
    }

    #[test]
    fn the_token_is_asked_for_where_there_is_one() {
        let with = |authorization| {
            let headers = [("host", "192.0.2.1:9090"), ("authorization", authorization)];
            ask("192.0.2.1:9090", Some("sixteen bytes ..."), &headers)
        };
        assert_eq!(with("Bearer sixteen bytes ..."), None);
        assert_eq!(with("bearer sixteen bytes ..."), None);
        for authorization in ["Bearer sixteen bytes ..", "Bearer ", "Basic sixteen bytes ...", "sixteen bytes ...", ""]
        {
            assert_eq!(with(authorization), Some(StatusCode::UNAUTHORIZED), "{authorization}");
        }
    }
}
