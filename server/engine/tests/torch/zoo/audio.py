"""torchaudio's networks, as small as their settings let them be, and its transforms."""

import torch
from torch import nn

from zoo import sourced


class First(nn.Module):
    """The first tensors of an answer."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return self.network(x)[0]


class Lengthy(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, lengths):
        return self.network(x, lengths)


class Spoken(nn.Module):
    """Letters to a spectrum, with as many frames as there are letters to be read from it."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, tokens, lengths, mel, mels):
        return self.network(tokens, lengths, mel, mels)


class Tells(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, tokens, lengths):
        return self.network.infer(tokens, lengths)


class Joined(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, sources, source_lengths, targets, target_lengths):
        return self.network(sources, source_lengths, targets, target_lengths, None)[0]


class Streamed(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, lengths):
        out, lengths, states = self.network.infer(x, lengths, None)
        return out, lengths


def sound(n, m):
    return {"x": torch.randn(n, m)}


def small(**more):
    return dict(
        extractor_mode="group_norm", extractor_conv_layer_config=[(16, 10, 5), (16, 3, 2), (16, 2, 2)], extractor_conv_bias=False, encoder_embed_dim=24, encoder_projection_dropout=0.0,
        encoder_pos_conv_kernel=8, encoder_pos_conv_groups=4, encoder_num_layers=2, encoder_num_heads=2, encoder_attention_dropout=0.0, encoder_ff_interm_features=32,
        encoder_ff_interm_dropout=0.0, encoder_dropout=0.0, encoder_layer_norm_first=False, encoder_layer_drop=0.0, aux_num_out=None,
    ) | more  # fmt: skip


def models():
    import torchaudio.models as m

    waves = [{"x": torch.randn(2, 800), "lengths": torch.tensor([800, 500])}, {"x": torch.randn(3, 640), "lengths": torch.tensor([640, 300, 500])}]
    spectra = lambda f=16: [{"x": torch.randn(2, 20, f), "lengths": torch.tensor([20, 13])}, {"x": torch.randn(3, 14, f), "lengths": torch.tensor([14, 3, 9])}]
    free = {"x": (0, 1), "lengths": (0,)}
    sounds = [sound(2, 800), sound(3, 640)]
    wide = {"x": (0, 1)}
    alone = lambda make: lambda: First(make())
    yield "wav2vec2", alone(lambda: m.wav2vec2_model(**small())), sounds, wide
    yield "wav2vec2_lengths", lambda: Lengthy(m.wav2vec2_model(**small(aux_num_out=7))), waves, free
    yield "wav2vec2_layer_norm", alone(lambda: m.wav2vec2_model(**small(extractor_mode="layer_norm", encoder_layer_norm_first=True, extractor_conv_bias=True, aux_num_out=5))), sounds, wide
    wavlm = {k: v for k, v in small().items()} | {"encoder_num_buckets": 32, "encoder_max_distance": 100}
    yield "wavlm", alone(lambda: m.wavlm_model(**wavlm)), sounds, wide
    yield "hubert_base", alone(lambda: m.wav2vec2_model(**small(encoder_num_layers=3))), sounds, wide
    yield "conformer", lambda: Lengthy(m.Conformer(16, 2, 32, 2, 7)), spectra(), free
    yield "conformer_group_norm", lambda: Lengthy(m.Conformer(16, 2, 32, 1, 7, use_group_norm=True, convolution_first=True)), spectra(), free
    yield "emformer", lambda: Lengthy(m.Emformer(16, 2, 32, 2, 4, right_context_length=1, left_context_length=4)), spectra(), free
    yield "emformer_memory", lambda: Lengthy(m.Emformer(16, 2, 32, 2, 4, right_context_length=1, left_context_length=4, max_memory_size=2)), spectra(), free
    yield "emformer_stream", lambda: Streamed(m.Emformer(16, 2, 32, 2, 4, right_context_length=1, left_context_length=4)), [{"x": torch.randn(2, 5, 16), "lengths": torch.tensor([5, 5])}, {"x": torch.randn(3, 5, 16), "lengths": torch.tensor([5, 5, 5])}], {"x": (0,), "lengths": (0,)}
    yield "conv_tasnet", lambda: m.ConvTasNet(num_sources=2, enc_kernel_size=8, enc_num_feats=16, msk_kernel_size=3, msk_num_feats=8, msk_num_hidden_feats=16, msk_num_layers=2, msk_num_stacks=2), [{"input": torch.randn(2, 1, 300)}, {"input": torch.randn(3, 1, 401)}], {"input": (0, 2)}
    yield "deep_speech", lambda: m.DeepSpeech(12, 16, 5), [{"x": torch.randn(2, 1, 9, 12)}, {"x": torch.randn(3, 1, 7, 12)}], {"x": (0, 2)}
    yield "wav2letter", lambda: m.Wav2Letter(8, "waveform", 1), [{"x": torch.randn(2, 1, 4000)}, {"x": torch.randn(3, 1, 3500)}], {"x": (0, 2)}
    yield "wav2letter_mfcc", lambda: m.Wav2Letter(8, "mfcc", 13), [{"x": torch.randn(2, 13, 60)}, {"x": torch.randn(3, 13, 50)}], {"x": (0, 2)}
    yield "wavernn", lambda: m.WaveRNN([2, 2, 2], 16, 8, n_res_block=2, n_rnn=12, n_fc=12, kernel_size=3, n_freq=8, n_hidden=8, n_output=8), [{"waveform": torch.randn(2, 1, 48), "specgram": torch.randn(2, 1, 8, 8)}, {"waveform": torch.randn(3, 1, 48), "specgram": torch.randn(3, 1, 8, 8)}], {"waveform": (0,), "specgram": (0,)}
    tacotron = dict(n_mels=8, n_symbol=20, symbol_embedding_dim=12, encoder_embedding_dim=12, encoder_n_convolution=1, encoder_kernel_size=5, decoder_rnn_dim=16, decoder_max_step=12, attention_rnn_dim=16, attention_hidden_dim=8, attention_location_n_filter=4, attention_location_kernel_size=5, prenet_dim=8, postnet_n_convolution=2, postnet_kernel_size=5, postnet_embedding_dim=12, decoder_dropout=0.0, attention_dropout=0.0)
    text = lambda n, m_: {"tokens": torch.randint(0, 20, (n, m_)), "lengths": torch.tensor([m_] + [m_ - 2] * (n - 1))}
    yield "tacotron2", lambda: Spoken(m.Tacotron2(**tacotron)), [{**text(2, 7), "mel": torch.randn(2, 8, 6), "mels": torch.tensor([6, 5])}, {**text(3, 6), "mel": torch.randn(3, 8, 5), "mels": torch.tensor([5, 5, 4])}], {"tokens": (0, 1), "lengths": (0,), "mel": (0, 2), "mels": (0,)}
    yield "tacotron2_infer", lambda: Tells(m.Tacotron2(**tacotron)), [text(2, 7), text(3, 5)], {"tokens": (0, 1), "lengths": (0,)}
    yield "hdemucs", lambda: m.HDemucs(["a", "b"], audio_channels=1, channels=4, depth=4, nfft=256, time_stride=2), [{"input": torch.randn(1, 1, 2048)}, {"input": torch.randn(2, 1, 2500)}], {"input": (0, 2)}
    yield "squim_objective", lambda: m.squim_objective_model(feat_dim=16, win_len=16, d_model=16, nhead=2, hidden_dim=16, num_blocks=1, rnn_type="LSTM", chunk_size=10), [sound(2, 400), sound(3, 400)], {"x": (0,)}
    rnnt = dict(input_dim=8, encoding_dim=16, num_symbols=10, segment_length=4, right_context_length=1, time_reduction_input_dim=4, time_reduction_stride=2, transformer_num_heads=2, transformer_ffn_dim=16, transformer_num_layers=2, transformer_dropout=0.0, transformer_activation="gelu", transformer_left_context_length=4, transformer_max_memory_size=0, transformer_weight_init_scale_strategy="depthwise", transformer_tanh_on_mem=True, symbol_embedding_dim=8, num_lstm_layers=2, lstm_layer_norm=True, lstm_layer_norm_epsilon=1e-3, lstm_dropout=0.0)
    pair = lambda n: {"sources": torch.randn(n, 18, 8), "source_lengths": torch.tensor([18] + [14] * (n - 1)).int(), "targets": torch.randint(0, 10, (n, 5)), "target_lengths": torch.tensor([5] + [3] * (n - 1)).int()}
    yield "rnnt", lambda: Joined(m.emformer_rnnt_model(**rnnt)), [pair(2), pair(3)], {"sources": (0,), "source_lengths": (0,), "targets": (0,), "target_lengths": (0,)}


# A transform, and the inputs that it is called with: waves w, spectra s, complex spectra, mel spectra m, multi-channel ones.
TRANSFORMS = """
Spectrogram(64) w | Spectrogram(64, 48, 20, pad=3, power=1.0, normalized=True) w | Spectrogram(64, power=2.0, center=False, onesided=True, window_fn=torch.hamming_window) w | MelSpectrogram(8000, 64, n_mels=10) w | MelSpectrogram(8000, 64, hop_length=16, n_mels=12, norm='slaney', mel_scale='slaney', f_min=50.0) w
MFCC(8000, 7, melkwargs={'n_fft': 64, 'n_mels': 10}) w | MFCC(8000, 7, log_mels=True, norm=None, melkwargs={'n_fft': 64, 'n_mels': 10}) w | LFCC(8000, 12, 7, speckwargs={'n_fft': 64}) w | AmplitudeToDB(top_db=20.0) p | AmplitudeToDB('magnitude') p | MelScale(10, 8000, n_stft=33) p | InverseMelScale(33, 10, 8000) m | GriffinLim(64, n_iter=4, rand_init=False) p
Resample(8000, 6000) w | Resample(8000, 16000, lowpass_filter_width=16, rolloff=0.9, resampling_method='sinc_interp_kaiser') w | Resample(44100, 16000) w | MuLawEncoding(64) u | MuLawDecoding(64) n | ComputeDeltas(5) m | Fade(20, 30, 'exponential') w | Fade(20, 30, 'half_sine') w | Vol(2.0) w | Vol(3.0, 'db') w | SlidingWindowCmn(5) m | SlidingWindowCmn(7, norm_vars=True, center=True) m
SpectralCentroid(8000, 64) w | PitchShift(8000, 3, n_fft=64) w | Loudness(8000) b | Preemphasis() w | Deemphasis() w | Convolve('same') w u | FFTConvolve('full') w u | FFTConvolve('valid') w u | AddNoise() w u r | Speed(8000, 1.1) w | Vad(8000) w | FrequencyMasking(3) m | TimeStretch(64, n_freq=33, fixed_rate=1.2) p
"""  # noqa: E501
FUNCTIONS = """
lowpass_biquad(w, 8000, 1000.0) | highpass_biquad(w, 8000, 500.0) | band_biquad(w, 8000, 500.0) | bass_biquad(w, 8000, 3.0) | treble_biquad(w, 8000, 3.0) | equalizer_biquad(w, 8000, 800.0, 2.0) | lfilter(w, torch.tensor([1.0, 0.5, 0.2]), torch.tensor([0.3, 0.2, 0.1])) | filtfilt(w, torch.tensor([1.0, 0.5]), torch.tensor([0.3, 0.2])) | overdrive(u) | phaser(u, 8000) | flanger(u[None], 8000) | dcshift(u, 0.2, 0.1) | contrast(u) | gain(w, 3.0) | detect_pitch_frequency(b[:, 0], 8000) | amplitude_to_DB(p, 10.0, 1e-10, 0.0) | DB_to_amplitude(p, 1.0, 1.0) | linear_fbanks(33, 0.0, 4000.0, 8, 8000) | create_dct(8, 10, 'ortho') | melscale_fbanks(33, 0.0, 4000.0, 8, 8000) | deemphasis(w) | compute_deltas(m) | spectral_centroid(w, 8000, 0, torch.hann_window(64), 64, 32, 64) | rnnt_loss(h, t.int(), torch.tensor([4, 4]).int(), torch.tensor([2, 2]).int(), 0) | edit_distance([1], [2])
"""  # noqa: E501


def inputs():
    torch.manual_seed(3)
    wave = torch.sin(torch.linspace(0, 300, 800)) * 0.4
    return {
        "w": torch.stack([wave, wave.flip(0) * 0.5]) + torch.randn(2, 800) * 0.05, "p": torch.rand(2, 33, 12) + 0.1, "m": torch.rand(2, 10, 14), "u": (torch.rand(2, 800) * 2 - 1) * 0.9,
        "n": torch.randint(0, 64, (2, 50)), "r": torch.tensor([10.0, 3.0]), "b": torch.randn(2, 1, 8000) * 0.1, "h": torch.randn(2, 4, 3, 5), "t": torch.randint(1, 5, (2, 2)),
    }  # fmt: skip


def expression(text, names, layer=None):
    import torchaudio

    scope = sourced(f"class Expression(nn.Module):\n    def __init__(self, layer):\n        super().__init__()\n        self.layer = layer\n    def forward(self, {', '.join(names)}):\n        return {text}\n", Fn=torchaudio.functional)
    return scope["Expression"](layer)


def transform(entry):
    import torchaudio.transforms as T  # noqa: F401

    text, names = entry[: entry.rindex(")") + 1], entry[entry.rindex(")") + 1 :].split()
    given = inputs()
    own = list(dict.fromkeys(names))
    return expression(f"self.layer({', '.join(names)})", own, eval("T." + text)), [{n: given[n] for n in own}], {}


def function(entry):
    import re

    names = [n for n in inputs() if re.search(rf"(?<![\w.]){n}(?![\w(=])", entry.split("'")[0])]
    return expression(f"Fn.{entry}", names), [{n: inputs()[n] for n in names}], {}


def networks():
    import re

    found = [(name, lambda make=make, cases=cases, free=free: (make(), cases, free)) for name, make, cases, free in models()]
    entries = lambda text: [e.strip() for line in text.strip().splitlines() for e in line.split(" | ")]
    named = lambda n, e: re.sub(r"\W+", "-", e)[:50].strip("-") + f"-{n}"
    found += [(named(n, e), lambda e=e: transform(e)) for n, e in enumerate(entries(TRANSFORMS))]
    return found + [(named(n, e), lambda e=e: function(e)) for n, e in enumerate(entries(FUNCTIONS))]
