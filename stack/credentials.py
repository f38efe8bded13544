"""Secrets and certificates that a stack makes for itself, once, readable by their owner alone."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stack.home import Home, write_private
from stack.settings import TlsFiles

_AUTHORITY_LIFETIME = timedelta(days=3650)
_CERTIFICATE_LIFETIME = timedelta(days=397)
# Renewed at the first start within this time of its end.
_RENEWED_BEFORE_END = timedelta(days=30)
# A clock that is a little behind ours must accept it too.
_BACKDATED = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class TlsMaterial:
    """What OTLP over TLS with a bearer token needs on both sides; `token` is the file's content."""

    authority: Path
    certificate: Path
    key: Path
    token_file: Path
    token: str = field(repr=False)


def secret_file(home: Home, name: str) -> Path:
    """Return the file of the secret called `name`, made with 256 random bits if it is not there."""
    path = home.secrets / name
    if not path.is_file() or not path.read_text().strip():
        write_private(path, secrets.token_urlsafe(32))
    return path


def tls_material(home: Home, given: TlsFiles, now: datetime) -> TlsMaterial:
    """Return the operator's files where given; else a private authority's, made or renewed."""
    token_file = given.token or secret_file(home, "otlp-token")
    if given.authority and given.certificate and given.key:
        authority, certificate, key = given.authority, given.certificate, given.key
    else:
        authority, certificate, key = _own_certificate(home.tls, now)
    return TlsMaterial(authority, certificate, key, token_file, token_file.read_text().strip())


def _own_certificate(directory: Path, now: datetime) -> tuple[Path, Path, Path]:
    authority = directory / "ca.crt"
    certificate = directory / "collector.crt"
    key = directory / "collector.key"
    paths = (authority, certificate, key)
    if all(_lasts(path, now) for path in (authority, certificate)) and key.is_file():
        return paths
    # The authority's key is used here and then forgotten: nobody can sign with it later, and a
    # renewal makes a new pair, which both sides read at the start that follows.
    authority_key = ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Gaugeway private authority")
    signed = _authority(issuer, authority_key, now)
    server_key = ec.generate_private_key(ec.SECP256R1())
    issued = _server(issuer, authority_key, server_key, now)
    write_private(key, _pem(server_key))
    write_private(certificate, issued.public_bytes(serialization.Encoding.PEM).decode())
    write_private(authority, signed.public_bytes(serialization.Encoding.PEM).decode())
    return paths


def _lasts(path: Path, now: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError):
        return False
    return certificate.not_valid_after_utc - now > _RENEWED_BEFORE_END


def _authority(name: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    return (
        _builder(name, name, key.public_key(), now, _AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _server(
    issuer: x509.Name,
    authority_key: ec.EllipticCurvePrivateKey,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    names = x509.SubjectAlternativeName(
        [
            x509.DNSName("localhost"),
            x509.DNSName("collector"),
            x509.IPAddress(ip_address("127.0.0.1")),
            x509.IPAddress(ip_address("::1")),
        ]
    )
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    server = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    return (
        _builder(_name("collector"), issuer, key.public_key(), now, _CERTIFICATE_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(server, critical=False)
        .add_extension(names, critical=False)
        .add_extension(authority, critical=False)
        .sign(authority_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    now: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + lifetime)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()
