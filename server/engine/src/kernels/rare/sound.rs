//! Sound: samples of WAV files, spectra of windows, cepstra of the spectra.

use super::super::access::{int, make};
use super::super::{Outcome, Value, elements, fail};
use super::spectrum::{Complex, Plan};
use super::{Values, at, one, wide};
use crate::EngineError;
use crate::graph::Sound;
use std::f64::consts::PI;

/// Strengths below this have its logarithm.
const FLOOR: f64 = 1e-12;

pub fn run(op: Sound, inputs: &[&Value]) -> Values {
    let x = at(inputs, 0)?;
    match op {
        Sound::DecodeWav { channels, frames } => wav(x, channels, frames),
        Sound::EncodeWav => one(encode_wav(x, at(inputs, 1)?)),
        Sound::Spectrogram { window, stride, squared } => one(spectrogram(x, window, stride, squared)),
        Sound::Mfcc { upper, lower, bands, coefficients } => {
            let range = [f64::from(lower), f64::from(upper)];
            one(mfcc(x, int(at(inputs, 1)?)?, range, bands, coefficients))
        }
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

/// Samples of 16 bits, and their rate.
fn wav(x: &Value, channels: Option<usize>, frames: Option<usize>) -> Values {
    let [file] = x.texts()? else { return Err(fail("one WAV file is read at a time")) };
    let cut = || fail("a WAV file that is cut short");
    if file.get(..4) != Some(b"RIFF") || file.get(8..12) != Some(b"WAVE") {
        return Err(fail("a file that is not WAV"));
    }
    let (mut rest, mut form) = (&file[12..], None);
    let data = loop {
        let (name, size) = (rest.get(..4).ok_or_else(cut)?, word(rest, 4).ok_or_else(cut)? as usize);
        let body = &rest[8..];
        match name {
            b"fmt " => form = Some(body.get(..size).filter(|b| b.len() >= 16).ok_or_else(cut)?),
            b"data" => break body.get(..size).ok_or_else(cut)?,
            _ => {}
        }
        // What is of an odd length is filled up.
        rest = body.get(size.saturating_add(size % 2)..).ok_or_else(cut)?;
    };
    let form = form.ok_or_else(|| fail("a WAV file that does not say what its samples are"))?;
    let number = |at: usize| short(form, at).ok_or_else(cut);
    let (kind, own, bits, rate) = (number(0)?, usize::from(number(2)?), number(14)?, word(form, 4));
    if kind != 1 || bits != 16 || own == 0 {
        return Err(fail(format!(
            "a WAV file of kind {kind} and {bits} bits: plain samples of 16 bits are read"
        )));
    }
    let there = data.len() / (own * 2);
    let (channels, frames) = (channels.filter(|c| *c > 0).unwrap_or(own), frames.unwrap_or(there));
    let mut samples = Vec::with_capacity(elements(&[frames, channels])?);
    for frame in 0..frames {
        for channel in 0..channels {
            // Channels that the file lacks are its first one; behind its end there is silence.
            let from = if channel < own { channel } else { 0 };
            let sample =
                (frame < there).then(|| short(data, (frame * own + from) * 2)).flatten().unwrap_or(0);
            samples.push(f32::from(sample.cast_signed()) / 32768.0);
        }
    }
    let rate = i64::from(rate.ok_or_else(cut)?);
    Ok(vec![make(samples, &[frames, channels])?, make(vec![rate], &[])?])
}

/// A file of 16 bits a sample.
fn encode_wav(x: &Value, rate: &Value) -> Outcome {
    let (&[frames, channels], rate) = (x.dims(), int(rate)?) else {
        return Err(fail("samples of channels are needed"));
    };
    let size = frames.checked_mul(channels).and_then(|n| u32::try_from(n.checked_mul(2)?).ok());
    let rate = u32::try_from(rate).ok().filter(|rate| *rate > 0);
    let (Some(size), Some(rate), 1..=0x7fff) = (size.filter(|n| *n < u32::MAX - 36), rate, channels) else {
        return Err(fail(format!(
            "a WAV file of {channels} channels and {frames} frames, {rate:?} a second"
        )));
    };
    let width = channels as u16 * 2;
    let second =
        rate.checked_mul(u32::from(width)).ok_or_else(|| fail("a WAV file of too many samples a second"))?;
    let mut file = Vec::with_capacity(44 + size as usize);
    file.extend(b"RIFF");
    file.extend((size + 36).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    file.extend((channels as u16).to_le_bytes());
    file.extend([rate, second].map(u32::to_le_bytes).concat());
    file.extend([width, 16].map(u16::to_le_bytes).concat());
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    // Halves are rounded away from zero; what is too loud is cut.
    let sample = |x: &f32| ((x * 32768.0).round().clamp(-32768.0, 32767.0) as i16).to_le_bytes();
    file.extend(x.slice::<f32>()?.iter().flat_map(sample));
    Value::text(vec![file], &[])
}

/// The first half of the transforms of windows, each as long as the next power of two.
fn spectrogram(x: &Value, window: usize, stride: usize, squared: bool) -> Outcome {
    let &[frames, channels] = x.dims() else { return Err(fail("samples of channels are needed")) };
    if window < 2 || stride == 0 || window > 1 << 20 {
        return Err(fail(format!("windows of {window} samples, {stride} apart")));
    }
    let length = window.next_power_of_two();
    let count = if frames < window { 0 } else { 1 + (frames - window) / stride };
    let width = 1 + length / 2;
    elements(&[channels, count, length])?;
    let mut out = Vec::with_capacity(elements(&[channels, count, width])?);
    let (samples, transform) = (x.slice::<f32>()?, Plan::new(length, false));
    let taper: Vec<f64> =
        (0..window).map(|n| 0.5 - 0.5 * (2.0 * PI * n as f64 / window as f64).cos()).collect();
    for channel in 0..channels {
        for n in 0..count {
            let sample = |(k, weight): (usize, &f64)| {
                (f64::from(samples[(n * stride + k) * channels + channel]) * weight, 0.0)
            };
            let mut bins: Vec<Complex> = taper.iter().enumerate().map(sample).collect();
            bins.resize(length, (0.0, 0.0));
            transform.run(&mut bins);
            out.extend(bins[..width].iter().map(|(re, im)| {
                let power = re * re + im * im;
                (if squared { power } else { power.sqrt() }) as f32
            }));
        }
    }
    make(out, &[channels, count, width])
}

/// Bands of the mel scale: of each bin the band whose falling side it lies on, none before the first, and how much is that band's.
struct Bands {
    bins: Vec<(usize, Option<usize>, f64)>,
    count: usize,
}

impl Bands {
    fn new(width: usize, rate: f64, [lower, upper]: [f64; 2], count: usize) -> Result<Self, EngineError> {
        let mel = |frequency: f64| 1127.0 * (frequency / 700.0).ln_1p();
        let (low, high) = (mel(lower), mel(upper));
        let centre = |n: usize| low + (high - low) / (count + 1) as f64 * (n + 1) as f64;
        let step = 0.5 * rate / (width - 1) as f64;
        let (first, last) = ((1.5 + lower / step) as usize, (upper / step) as usize);
        if last >= width {
            return Err(fail(format!("a spectrum does not reach to {upper} Hz")));
        }
        let mut bins = Vec::new();
        for bin in first..=last {
            let at = mel(bin as f64 * step);
            let band = (0..count).take_while(|n| centre(*n) < at).last();
            let (from, to) = match band {
                Some(band) => (centre(band), centre(band + 1)),
                None => (low, centre(0)),
            };
            bins.push((bin, band, (to - at) / (to - from)));
        }
        Ok(Self { bins, count })
    }

    fn of(&self, spectrum: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.count];
        for (bin, band, weight) in &self.bins {
            let strength = spectrum[*bin].sqrt();
            if let Some(band) = band {
                out[*band] += strength * weight;
            }
            if let Some(next) = out.get_mut(band.map_or(0, |b| b + 1)) {
                *next += strength - strength * weight;
            }
        }
        out
    }
}

/// Cosines of the logarithms of bands.
fn mfcc(x: &Value, rate: i64, range: [f64; 2], bands: usize, coefficients: usize) -> Outcome {
    let &[channels, count, width] = x.dims() else { return Err(fail("spectra of channels are needed")) };
    let [lower, upper] = range;
    let sensible = (1..=1 << 12).contains(&bands) && (1..=bands).contains(&coefficients);
    if !sensible || rate <= 0 || width < 2 || !(0.0..upper).contains(&lower) || !upper.is_finite() {
        return Err(fail(format!("{coefficients} coefficients of {bands} bands from {lower} to {upper} Hz")));
    }
    let filters = Bands::new(width, rate as f64, range, bands)?;
    let scale = (2.0 / bands as f64).sqrt();
    let cosine =
        |n: usize| scale * (PI / bands as f64 * (n / bands) as f64 * ((n % bands) as f64 + 0.5)).cos();
    let cosines: Vec<f64> = (0..coefficients * bands).map(cosine).collect();
    let mut out = Vec::with_capacity(elements(&[channels, count, coefficients])?);
    for spectrum in wide(x)?.chunks_exact(width) {
        let logarithms: Vec<f64> = filters.of(spectrum).into_iter().map(|x| x.max(FLOOR).ln()).collect();
        let sum = |row: &[f64]| row.iter().zip(&logarithms).map(|(c, x)| c * x).sum::<f64>() as f32;
        out.extend(cosines.chunks_exact(bands).map(sum));
    }
    make(out, &[channels, count, coefficients])
}
