# SPDX-License-Identifier: Apache-2.0
"""Certificates whose dates no clock of nanoseconds can hold, and whose numbers are odd; DER written by hand."""

import base64
import subprocess

import pytest

from kit import run


def tlv(tag, body):
    size = len(body).to_bytes(2, "big")
    return bytes([tag]) + (size[1:] if len(body) < 128 else b"\x82" + size) + body


def time(text):
    return tlv(0x17 if len(text) == 13 else 0x18, text.encode())


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """A self-signed certificate for localhost; answers its file and that of its key."""
    folder = tmp_path_factory.mktemp("dates")
    key = folder / "key.pem"
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", str(key))
    public = openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER")

    def made(name, until="271231235959Z", serial=b"\x01"):
        algorithm = tlv(0x30, bytes.fromhex("06082a8648ce3d040302"))  # ecdsa-with-SHA256
        subject = tlv(0x30, tlv(0x31, tlv(0x30, bytes.fromhex("0603550403") + tlv(12, b"x"))))
        names = tlv(0x30, bytes.fromhex("0603551d11") + tlv(4, tlv(0x30, tlv(0x82, b"localhost"))))
        body = tlv(
            0x30,
            bytes.fromhex("a003020102") + tlv(2, serial) + algorithm + subject
            + tlv(0x30, time("260101000000Z") + time(until)) + subject + public + tlv(0xA3, tlv(0x30, names)),
        )
        signature = openssl("dgst", "-sha256", "-sign", str(key), data=body)
        text = base64.encodebytes(tlv(0x30, body + algorithm + tlv(3, b"\0" + signature))).decode()
        file = folder / f"{name}.pem"
        file.write_text(f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n")
        return file, key

    return made


def test_a_certificate_without_an_end_is_valid_without_end(make, serve):
    cert, key = make("endless", until="99991231235959Z")
    server = serve("--cert", cert, "--key", key)
    ran = run("check", server.name, "--ca", cert)
    assert ran.code == 0, ran.text
    assert "its certificate is valid without end" in ran.text and "2026-01-01 to no end" in ran.text
    told = run("check", server.name, "--ca", cert, "--fail-under", "21d", "--json")
    assert told.code == 0 and told.json["certificates"][0]["not_after"] == "9999-12-31T23:59:59Z"


@pytest.mark.parametrize("until, day", [("22620412000000Z", "2262-04-12"), ("30000101000000Z", "3000-01-01")])
def test_a_certificate_beyond_the_clock_is_valid_for_days(until, day, make, serve):
    cert, key = make(day, until=until)
    server = serve("--cert", cert, "--key", key)
    report = run("check", server.name, "--ca", cert, "--fail-under", "21d", "--json")
    assert report.code == 0 and report.json["certificates"][0]["not_after"].startswith(day)
    assert " days" in run("check", server.name, "--ca", cert).text


@pytest.mark.parametrize("serial, shown", [(b"\x80\x01", "-7fff"), (b"\x00", "00"), (b"\x7f\xff", "7fff")])
def test_a_serial_number_keeps_its_sign_and_zero_is_one(serial, shown, make, serve):
    cert, key = make(f"serial{shown}", serial=serial)
    server = serve("--cert", cert, "--key", key)
    assert run("check", server.name, "--ca", cert, "--json").json["certificates"][0]["serial"] == shown
