use super::*;
use actix_web::body::to_bytes;
use actix_web::test::TestRequest;

/// As `build.rs` would find it.
static BUILT: &[File] = &[
    File { path: "/assets/main-1a2b.js", plain: b"say('hello')", br: Some(b"br"), gz: Some(b"gz") },
    File { path: "/icon.svg", plain: b"<svg/>", br: None, gz: None },
    File { path: "/index.html", plain: b"<p>the application</p>", br: None, gz: Some(b"gzip") },
];

async fn ask(site: &Site, request: TestRequest) -> (HttpResponse, String) {
    let answer = site.answer(&request.to_http_request());
    let (head, body) = answer.into_parts();
    (
        head.map_body(|_, ()| ()).map_into_boxed_body(),
        String::from_utf8(to_bytes(body).await.unwrap_or_default().to_vec()).unwrap(),
    )
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

fn as_browser(path: &str) -> TestRequest {
    get(path).insert_header((header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8"))
}

fn header_in(answer: &HttpResponse, name: HeaderName) -> &str {
    answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[actix_web::test]
async fn what_was_built_is_handed_out() {
    let site = Site::of(BUILT);
    for path in ["/", "/index.html"] {
        let (answer, body) = ask(&site, get(path)).await;
        assert_eq!((answer.status(), body.as_str()), (StatusCode::OK, "<p>the application</p>"));
        assert_eq!(header_in(&answer, header::CACHE_CONTROL), "no-cache");
        assert_eq!(header_in(&answer, header::CONTENT_SECURITY_POLICY), POLICY);
        assert_eq!(header_in(&answer, header::CONTENT_TYPE), "text/html; charset=utf-8");
    }
    let (answer, body) = ask(&site, get("/assets/main-1a2b.js")).await;
    assert_eq!((answer.status(), body.as_str()), (StatusCode::OK, "say('hello')"));
    assert_eq!(header_in(&answer, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(header_in(&answer, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
}

/// To the letter, so that nobody loosens it unnoticed.
#[actix_web::test]
async fn pages_run_nothing_but_our_own_files() {
    let site = Site::of(BUILT);
    let (answer, _) = ask(&site, get("/")).await;
    let policy: Vec<&str> = header_in(&answer, header::CONTENT_SECURITY_POLICY).split("; ").collect();
    for strict in
        ["default-src 'none'", "script-src 'self'", "style-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(&strict), "{strict} is not in {policy:?}");
    }
    assert!(
        !policy.iter().any(|part| part.contains("unsafe") || part.contains("http") || part.contains('*')),
        "{policy:?}"
    );
}

#[actix_web::test]
async fn without_it_the_page_says_how_to_build_it() {
    let site = Site::of(&[]);
    for path in ["/", "/conversations"] {
        let (answer, body) = ask(&site, as_browser(path)).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert!(body.contains("make web"), "{body}");
        assert!(!body.contains("<script") && !body.contains("style="), "its policy would forbid that");
    }
    let (answer, _) = ask(&site, as_browser("/assets/main-1a2b.js")).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn browsers_get_the_page_for_what_only_it_knows() {
    let site = Site::of(BUILT);
    for path in ["/conversations/5", "/nothing", "/apidoc", "/docsy"] {
        let (answer, body) = ask(&site, as_browser(path)).await;
        assert_eq!((answer.status(), body.as_str()), (StatusCode::OK, "<p>the application</p>"), "{path}");
        let (answer, _) = ask(&site, get(path)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    for path in
        ["/api", "/api/v1/nothing", "/ws/nothing", "/webhook/x", "/docs/x", "/assets/gone.js", "/asyncapi.json/x"]
    {
        let (answer, _) = ask(&site, as_browser(path)).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header_in(&answer, header::CONTENT_TYPE), "application/problem+json", "{path}");
    }
}

#[actix_web::test]
async fn the_smallest_copy_that_is_taken_is_sent() {
    let site = Site::of(BUILT);
    for (accepted, encoding, content) in [
        ("gzip, deflate, br, zstd", "br", "br"),
        ("gzip", "gzip", "gz"),
        ("br;q=0, gzip;q=0.5", "gzip", "gz"),
        ("br;q=0", "", "say('hello')"),
        ("br;q=x", "", "say('hello')"),
        ("identity", "", "say('hello')"),
    ] {
        let request = get("/assets/main-1a2b.js").insert_header((header::ACCEPT_ENCODING, accepted));
        let (answer, body) = ask(&site, request).await;
        assert_eq!((header_in(&answer, header::CONTENT_ENCODING), body.as_str()), (encoding, content), "{accepted}");
    }
    let (answer, _) = ask(&site, get("/icon.svg").insert_header((header::ACCEPT_ENCODING, "br, gzip"))).await;
    assert_eq!(header_in(&answer, header::CONTENT_ENCODING), "");
}

#[actix_web::test]
async fn who_has_it_already_is_told_so() {
    let site = Site::of(BUILT);
    let gzip = || get("/").insert_header((header::ACCEPT_ENCODING, "gzip"));
    let (plain, _) = ask(&site, get("/")).await;
    let (zipped, _) = ask(&site, gzip()).await;
    let (plain, zipped) = (header_in(&plain, header::ETAG), header_in(&zipped, header::ETAG));
    assert_ne!(plain, zipped, "each encoding is another representation");
    for known in [plain.to_owned(), format!("W/{plain}"), format!("\"other\", {plain}"), String::from("*")] {
        let (answer, body) = ask(&site, get("/").insert_header((header::IF_NONE_MATCH, known.clone()))).await;
        assert_eq!((answer.status(), body.as_str()), (StatusCode::NOT_MODIFIED, ""), "{known}");
        assert_eq!(header_in(&answer, header::ETAG), plain);
    }
    let (answer, _) = ask(&site, gzip().insert_header((header::IF_NONE_MATCH, plain))).await;
    assert_eq!(answer.status(), StatusCode::OK);
}

#[actix_web::test]
async fn only_reading_is_possible() {
    let site = Site::of(BUILT);
    for request in [TestRequest::post(), TestRequest::put(), TestRequest::delete()] {
        let (answer, _) = ask(&site, request.uri("/")).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header_in(&answer, header::ALLOW), "GET, HEAD");
    }
    let (answer, _) = ask(&site, TestRequest::default().method(Method::HEAD).uri("/")).await;
    assert_eq!(answer.status(), StatusCode::OK);
}
