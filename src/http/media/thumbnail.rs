//! Small pictures of pictures: made when first asked for, one at a time for each file, and kept.

use super::super::HttpState;
use crate::model::file_type::PICTURES;
use crate::model::{Failure, picture};
use crate::store::media::{self, MediaRow};
use crate::store::objects::Part;
use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, ImageResult, Limits};
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

/// Pixels of its longer side: sharp in a list on any screen.
pub const SIDE: u32 = 320;
/// Bytes of a picture that gets a small one; it is in memory while that is made.
const SOURCE_BYTES: i64 = 32 * 1024 * 1024;
/// Bytes that a small picture may take: four for each pixel, and some for its head.
const BYTES: u64 = 512 * 1024;
/// Bytes that a decoder may take.
const DECODER_BYTES: u64 = 256 * 1024 * 1024;
/// Pictures decoded at once: each may take some hundred megabytes and a core.
const AT_ONCE: usize = 2;
/// How long to wait for one's turn; decoding takes tenths of seconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// Files that are worked on at once, at most; those that share a lock wait for each other.
const LOCKS: usize = 32;
/// As the encoder counts; nobody sees a difference in this size.
const QUALITY: u8 = 80;

/// Where small pictures are made.
pub struct Studio {
    locks: [Mutex<()>; LOCKS],
    turns: Arc<Semaphore>,
}

impl Default for Studio {
    fn default() -> Self {
        Self { locks: std::array::from_fn(|_| Mutex::default()), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

/// The small picture of a file.
///
/// # Errors
/// [`Failure::NotFound`] if it is no picture, or none that can be decoded or should be; [`Failure::Unavailable`] when the store is
/// away, or too many wait.
pub async fn of(state: &HttpState, file: &MediaRow) -> Result<Bytes, Failure> {
    const NONE: Failure = Failure::NotFound("thumbnail");
    let sides = file.width.zip(file.height).map(|(w, h)| (w.unsigned_abs(), h.unsigned_abs()));
    let fits = sides.is_none_or(|(width, height)| picture::may_be_decoded(width, height));
    if !PICTURES.contains(&file.mime.as_str()) || file.size > SOURCE_BYTES || !fits || file.thumbnail == Some(false) {
        return Err(NONE);
    }
    if file.thumbnail == Some(true)
        && let Some(kept) = kept(state, file).await?
    {
        return Ok(kept);
    }
    let locks = &state.media.studio.locks;
    let lock = usize::try_from(file.id.0.as_u128() % u128::try_from(LOCKS).unwrap_or(1)).unwrap_or(0);
    let lock = locks.get(lock).ok_or(Failure::Internal)?;
    let _lock = timeout(PATIENCE, lock.lock()).await.map_err(|_| Failure::Unavailable)?;
    // Somebody may have made it while this one waited.
    if let Some(kept) = kept(state, file).await? {
        return Ok(kept);
    }
    let made = make(state, file).await?;
    if let Some(made) = &made {
        let writing = state.media.objects.write(file.project_id, file.id, Part::Thumbnail).await?;
        writing.finish(made.clone()).await?;
    }
    state.chat.run(async |conn| Ok(media::note_thumbnail(conn, file.id, made.is_some()).await?)).await?;
    made.ok_or(NONE)
}

async fn kept(state: &HttpState, file: &MediaRow) -> Result<Option<Bytes>, Failure> {
    state.media.objects.read_all(file.project_id, file.id, Part::Thumbnail, BYTES).await
}

/// Makes it; `None` where that can't be done.
async fn make(state: &HttpState, file: &MediaRow) -> Result<Option<Bytes>, Failure> {
    let turns = Arc::clone(&state.media.studio.turns);
    let turn = timeout(PATIENCE, turns.acquire_owned()).await.map_err(|_| Failure::Unavailable)?;
    let turn = turn.map_err(|_| Failure::Unavailable)?;
    let most = u64::try_from(SOURCE_BYTES).unwrap_or(0);
    let source = state.media.objects.read_all(file.project_id, file.id, Part::Original, most).await?;
    let source = source.ok_or(Failure::NotFound("thumbnail"))?;
    let format = ImageFormat::from_mime_type(&file.mime).ok_or(Failure::Internal)?;
    let work = tokio::task::spawn_blocking(move || {
        let small = shrink(&source, format);
        // Here: who goes away leaves the work running.
        drop(turn);
        small
    });
    match work.await {
        Ok(Ok(small)) => Ok(Some(small.into())),
        Ok(Err(error)) => {
            log::debug!(target: "palabre::http", "no small picture can be made of a file: {error}");
            Ok(None)
        }
        Err(error) => {
            log::warn!(target: "palabre::http", "a decoder of pictures died: {error}");
            Ok(None)
        }
    }
}

/// The picture, upright, with neither side longer than [`SIDE`]: PNG where it may be seen through, else JPEG.
fn shrink(source: &[u8], format: ImageFormat) -> ImageResult<Vec<u8>> {
    let mut reader = ImageReader::with_format(Cursor::new(source), format);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(picture::SIDE), Some(picture::SIDE));
    limits.max_alloc = Some(DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let (width, height) = decoder.dimensions();
    if !picture::may_be_decoded(width, height) {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(image::ImageError::Limits(image::error::LimitError::from_kind(kind)));
    }
    let orientation = decoder.orientation()?;
    let whole = DynamicImage::from_decoder(decoder)?;
    let mut small = if width.max(height) > SIDE { whole.thumbnail(SIDE, SIDE) } else { whole };
    small.apply_orientation(orientation);
    let mut bytes = Vec::new();
    if small.color().has_alpha() {
        DynamicImage::ImageRgba8(small.into_rgba8()).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png)?;
    } else {
        JpegEncoder::new_with_quality(&mut bytes, QUALITY).encode_image(&small.into_rgb8())?;
    }
    Ok(bytes)
}

/// What a small picture is.
#[must_use]
pub fn mime_of(small: &[u8]) -> &'static str {
    if small.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{GenericImageView, ImageEncoder, Rgb, RgbImage, RgbaImage};
    use proptest::prelude::*;

    fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn it_is_small_and_keeps_its_shape() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif] {
            let large = encoded(&DynamicImage::new_rgb8(640, 320), format);
            let small = shrink(&large, format).unwrap();
            assert_eq!(image::load_from_memory(&small).unwrap().dimensions(), (320, 160), "{format:?}");
        }
        let tiny = encoded(&DynamicImage::new_rgb8(3, 2), ImageFormat::Png);
        let small = shrink(&tiny, ImageFormat::Png).unwrap();
        assert_eq!((image::load_from_memory(&small).unwrap().dimensions(), mime_of(&small)), ((3, 2), "image/jpeg"));
        let glass = encoded(&DynamicImage::ImageRgba8(RgbaImage::new(400, 10)), ImageFormat::Png);
        assert_eq!(mime_of(&shrink(&glass, ImageFormat::Png).unwrap()), "image/png");
    }

    #[test]
    fn it_stands_upright() {
        // Red to the left, blue to the right; orientation 6 says: turn it clockwise, red comes to the top.
        let picture = RgbImage::from_fn(40, 20, |x, _| if x < 20 { Rgb([255, 0, 0]) } else { Rgb([0, 0, 255]) });
        let mut jpeg = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 100);
        let mut exif = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        exif.extend([6, 0, 0, 0, 0, 0, 0]);
        encoder.set_exif_metadata(exif).unwrap();
        encoder.encode_image(&picture).unwrap();
        let small = image::load_from_memory(&shrink(&jpeg, ImageFormat::Jpeg).unwrap()).unwrap().into_rgb8();
        assert_eq!(small.dimensions(), (20, 40));
        let (top, bottom) = (small.get_pixel(10, 5), small.get_pixel(10, 35));
        assert!(top[0] > 200 && top[2] < 60 && bottom[2] > 200 && bottom[0] < 60, "{top:?} {bottom:?}");
    }

    #[test]
    fn what_claims_to_be_huge_is_not_decoded() {
        let mut bomb = encoded(&DynamicImage::new_rgb8(2, 2), ImageFormat::Png);
        bomb[16..24].copy_from_slice(&[0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff]);
        assert!(shrink(&bomb, ImageFormat::Png).is_err());
        let mut bomb = encoded(&DynamicImage::new_rgb8(2, 2), ImageFormat::Gif);
        bomb[6..10].copy_from_slice(&[0xff, 0x40, 0xff, 0x40]);
        assert!(shrink(&bomb, ImageFormat::Gif).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_broken_picture_is_an_error_and_no_more(at in 0usize..2_000, with in prop::collection::vec(any::<u8>(), 1..20), format in 0usize..4) {
            let format = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif][format];
            let mut bytes = encoded(&DynamicImage::new_rgb8(24, 24), format);
            let at = at % bytes.len();
            for (place, byte) in bytes[at..].iter_mut().zip(with) {
                *place = byte;
            }
            if let Ok(small) = shrink(&bytes, format) {
                prop_assert!(image::load_from_memory(&small).is_ok());
            }
        }
    }
}
