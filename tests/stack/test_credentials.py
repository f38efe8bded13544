from __future__ import annotations

import ssl
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from stack.credentials import TlsMaterial, secret_file, tls_material
from stack.home import Home
from stack.settings import TlsFiles

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def material(home: Home) -> TlsMaterial:
    home.prepare()
    return tls_material(home, TlsFiles(), NOW)


def test_the_certificate_is_for_loopback_and_signed_by_the_authority(
    material: TlsMaterial,
) -> None:
    authority = x509.load_pem_x509_certificate(material.authority.read_bytes())
    certificate = x509.load_pem_x509_certificate(material.certificate.read_bytes())
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert {str(ip) for ip in names.get_values_for_type(x509.IPAddress)} == {"127.0.0.1", "::1"}


def test_python_takes_the_pair_for_a_server_and_the_authority_for_a_client(
    material: TlsMaterial,
) -> None:
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
        material.certificate, material.key
    )
    client = ssl.create_default_context(cafile=str(material.authority))
    assert client.cert_store_stats()["x509_ca"] == 1


def test_every_secret_is_its_owners_alone(material: TlsMaterial) -> None:
    paths = (material.key, material.token_file, material.certificate, material.authority)
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths} == {0o600}
    assert material.token not in repr(material)


def test_a_second_start_keeps_certificate_and_token(home: Home, material: TlsMaterial) -> None:
    before = material.certificate.read_bytes()
    again = tls_material(home, TlsFiles(), NOW + timedelta(days=300))
    assert again.certificate.read_bytes() == before
    assert again.token == material.token


def test_a_certificate_near_its_end_is_renewed(home: Home, material: TlsMaterial) -> None:
    before = material.certificate.read_bytes()
    later = NOW + timedelta(days=380)
    renewed = tls_material(home, TlsFiles(), later)
    certificate = x509.load_pem_x509_certificate(renewed.certificate.read_bytes())
    assert renewed.certificate.read_bytes() != before
    assert certificate.not_valid_after_utc > later + timedelta(days=300)


def test_a_damaged_certificate_is_made_anew(home: Home, material: TlsMaterial) -> None:
    material.certificate.write_text("nonsense")
    renewed = tls_material(home, TlsFiles(), NOW)
    x509.load_pem_x509_certificate(renewed.certificate.read_bytes())


def test_the_operators_files_are_taken_as_they_are(home: Home, tmp_path: Path) -> None:
    home.prepare()
    files = {name: tmp_path / name for name in ("authority", "certificate", "key", "token")}
    for path in files.values():
        path.write_text("mine\n")
    material = tls_material(home, TlsFiles(**files), NOW)
    assert (material.authority, material.key) == (files["authority"], files["key"])
    assert material.token == "mine"
    assert list(home.tls.iterdir()) == []


def test_a_generated_secret_is_made_once(home: Home) -> None:
    home.prepare()
    first = secret_file(home, "grafana-admin-password").read_text()
    assert len(first) >= 43
    assert secret_file(home, "grafana-admin-password").read_text() == first
