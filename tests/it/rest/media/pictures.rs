//! Small pictures of pictures.

use super::super::start;
use super::{kept, path, picture, upload};
use futures_util::future::join_all;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GenericImageView, ImageEncoder, ImageFormat};

#[tokio::test]
async fn a_small_picture_is_made_once_and_kept() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    for (format, width, height) in [
        (ImageFormat::Png, 640, 480),
        (ImageFormat::Jpeg, 200, 1_000),
        (ImageFormat::WebP, 1_000, 10),
        (ImageFormat::Gif, 30, 20),
    ] {
        let media = upload(&api, &alice, "a", &picture(format, width, height)).await;
        assert_eq!((media["width"].as_u64(), media["height"].as_u64()), (Some(width.into()), Some(height.into())));
        let thumbnail = format!("{}/thumbnail", path(&media));
        let all = join_all((0..6).map(|_| api.get(&thumbnail).user(&alice).raw())).await;
        let (status, headers, bytes) = &all[0];
        // What may be seen through stays so.
        let mime = if format == ImageFormat::Gif { "image/png" } else { "image/jpeg" };
        assert_eq!((*status, &headers["content-type"]), (200, &mime.parse().unwrap()));
        assert_eq!(headers["content-security-policy"], "default-src 'none'; sandbox");
        assert!(all.iter().all(|(status, _, other)| *status == 200 && other == bytes));
        let small = image::load_from_memory(bytes).unwrap().dimensions();
        let longest = width.max(height).max(320);
        let side = |side: u32| ((side * 640 + longest) / (2 * longest)).max(1);
        assert_eq!(small, (side(width), side(height)));
        let known = headers["etag"].to_str().unwrap();
        assert_eq!(api.get(&thumbnail).user(&alice).header("If-None-Match", known).raw().await.0, 304);
    }
    let small: Vec<_> = kept(&server).into_iter().filter(|name| name.ends_with(".thumbnail")).collect();
    assert_eq!(small.len(), 4);
    // It is kept: without it, it is made again.
    std::fs::remove_file(server.db.files().join(&small[0])).unwrap();
    let id = small[0].split(['/', '.']).nth(1).unwrap();
    assert_eq!(api.get(&format!("/media/{id}/thumbnail")).user(&alice).raw().await.0, 200);
    assert!(kept(&server).contains(&small[0]));
}

#[tokio::test]
async fn a_turned_picture_stands_upright() {
    let (_server, project, api) = start().await;
    let alice = project.user("alice").await;
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new(&mut jpeg);
    let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([8, 0, 0, 0, 0, 0, 0]);
    encoder.set_exif_metadata(exif).unwrap();
    encoder.encode_image(&DynamicImage::new_rgb8(640, 320)).unwrap();
    let media = upload(&api, &alice, "a.jpg", &jpeg).await;
    assert_eq!((media["width"].as_u64(), media["height"].as_u64()), (Some(320), Some(640)));
    let (_, _, bytes) = api.get(&format!("{}/thumbnail", path(&media))).user(&alice).raw().await;
    assert_eq!(image::load_from_memory(&bytes).unwrap().dimensions(), (160, 320));
}

#[tokio::test]
async fn what_cannot_be_decoded_has_none() {
    let (server, project, api) = start().await;
    let alice = project.user("alice").await;
    let png = picture(ImageFormat::Png, 20, 20);
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
    let mut broken = png.clone();
    broken.truncate(60);
    for bytes in [&b"words"[..], b"<svg width='3' height='2'/>", &bomb, &broken] {
        let media = upload(&api, &alice, "a.png", bytes).await;
        let thumbnail = format!("{}/thumbnail", path(&media));
        for _ in 0..2 {
            api.get(&thumbnail).user(&alice).refused(404, "not_found").await;
        }
    }
    assert_eq!(kept(&server).len(), 4);
}
