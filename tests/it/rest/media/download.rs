//! A file goes out: all of it, parts of it, and never as a page.

use super::super::start;
use super::{content, id, picture, upload};
use image::ImageFormat;
use reqwest::Method;
use reqwest::header::HeaderMap;
use std::collections::BTreeMap;

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_and_runs_nowhere() {
    let (_server, project, api) = start().await;
    let alice = project.user("alice").await;
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let png = picture(ImageFormat::Png, 3, 2);
    let shown = BTreeMap::from([
        (
            "été \"1\".png",
            (&png[..], "image/png", "inline; filename=\"_t_ _1_.png\"; filename*=UTF-8''%C3%A9t%C3%A9%20%221%22.png"),
        ),
        ("a.txt", (b"words", "text/plain; charset=utf-8", "inline; filename=\"a.txt\"; filename*=UTF-8''a.txt")),
        (
            "b.png",
            (b"<html><script>", "text/html; charset=utf-8", "attachment; filename=\"b.png\"; filename*=UTF-8''b.png"),
        ),
        (
            "c.svg",
            (
                b"<svg onload='x'/>",
                "image/svg+xml; charset=utf-8",
                "attachment; filename=\"c.svg\"; filename*=UTF-8''c.svg",
            ),
        ),
        ("d", (&large, "application/octet-stream", "attachment; filename=\"d\"; filename*=UTF-8''d")),
    ]);
    for (name, (bytes, mime, disposition)) in shown {
        let media = upload(&api, &alice, &name.replace('"', "%22"), bytes).await;
        let (status, headers, body) = api.get(&content(&media)).user(&alice).raw().await;
        assert_eq!((status, header(&headers, "content-type")), (200, mime));
        let disposition = if name.contains('"') {
            disposition.replace("_1_", "_221_22").replace("%221%22", "%25221%2522")
        } else {
            disposition.to_owned()
        };
        assert_eq!(header(&headers, "content-disposition"), disposition);
        assert_eq!(header(&headers, "x-content-type-options"), "nosniff");
        assert_eq!(header(&headers, "content-security-policy"), "default-src 'none'; sandbox");
        assert_eq!(header(&headers, "cache-control"), "private, no-cache");
        assert_eq!(header(&headers, "etag"), format!("\"{}\"", id(&media)));
        assert_eq!(header(&headers, "content-length"), bytes.len().to_string());
        assert!(body == bytes, "{name}");
        let (status, headers, body) = api.call(Method::HEAD, &content(&media)).user(&alice).raw().await;
        assert_eq!((status, header(&headers, "content-length"), body.len()), (200, &*bytes.len().to_string(), 0));
    }
}

#[tokio::test]
async fn parts_of_a_file() {
    let (_server, project, api) = start().await;
    let alice = project.user("alice").await;
    let bytes: Vec<u8> = (0..1_500_000_u32).map(|n| (n % 251) as u8).collect();
    let media = upload(&api, &alice, "a", &bytes).await;
    let get = async |range: &str| api.get(&content(&media)).user(&alice).header("Range", range).raw().await;
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1_000, 2_000),
        ("bytes=1-1400000", 1, 1_400_001),
        ("bytes=1499990-", 1_499_990, 1_500_000),
        ("bytes=-10", 1_499_990, 1_500_000),
        ("bytes=1499990-9999999", 1_499_990, 1_500_000),
    ] {
        let (status, headers, body) = get(range).await;
        assert_eq!((status, header(&headers, "content-range")), (206, &*format!("bytes {from}-{}/1500000", to - 1)));
        assert!(body == bytes[from..to], "{range}");
    }
    for range in ["bytes=0-1,5-6", "bytes=9-5", "pieces=0-1", "words"] {
        let (status, headers, body) = get(range).await;
        assert_eq!((status, header(&headers, "accept-ranges"), body.len()), (200, "bytes", bytes.len()), "{range}");
    }
    let path = content(&media);
    let beyond = api.get(&path).user(&alice).header("Range", "bytes=1500000-").refused(416, "invalid").await;
    assert_eq!(header(&beyond.headers, "content-range"), "bytes */1500000");
    let head = api.call(Method::HEAD, &path).user(&alice).header("Range", "bytes=5-9").raw().await;
    assert_eq!((head.0, header(&head.1, "content-length"), head.2.len()), (206, "5", 0));

    // What one has already, and the rest of it.
    let tag = format!("\"{}\"", id(&media));
    for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
        let (status, headers, body) = api.get(&path).user(&alice).header("If-None-Match", &known).raw().await;
        assert_eq!((status, header(&headers, "etag"), body.len()), (304, &*tag, 0));
    }
    let other = api.get(&path).user(&alice).header("If-None-Match", "\"x\"").raw().await;
    assert_eq!(other.0, 200);
    for (known, status) in [(&*tag, 206), ("\"x\"", 200), ("Sat, 21 Nov 2026 00:00:00 GMT", 200)] {
        let call = api.get(&path).user(&alice).header("Range", "bytes=0-1").header("If-Range", known);
        assert_eq!(call.raw().await.0, status, "{known}");
    }
}
