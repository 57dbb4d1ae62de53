"""Endpoint, region and the way a bucket is addressed, from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.data.store.retries import RetryPolicy
from manyhands.data.store.settings import settings_of
from manyhands.errors import UsageError

RETRIES = RetryPolicy()


def test_without_variables_it_is_aws_in_the_default_region() -> None:
    settings = settings_of("data", RETRIES, {})
    assert (settings.endpoint, settings.region, settings.path_style) == (None, "us-east-1", False)
    assert settings.asked == "AWS us-east-1"


def test_an_own_endpoint_has_the_bucket_in_the_path() -> None:
    settings = settings_of("data", RETRIES, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9000/", "AWS_REGION": "eu-west-1"})
    assert (settings.endpoint, settings.region, settings.path_style) == ("http://127.0.0.1:9000", "eu-west-1", True)
    assert settings.asked == "http://127.0.0.1:9000"


def test_the_more_special_variable_goes_first() -> None:
    settings = settings_of("data", RETRIES, {"AWS_ENDPOINT_URL": "http://a", "AWS_ENDPOINT_URL_S3": "http://b"})
    assert settings.endpoint == "http://b"
    assert settings_of("data", RETRIES, {"AWS_DEFAULT_REGION": "x", "AWS_REGION": "y"}).region == "y"
    assert settings_of("data", RETRIES, {"AWS_CA_BUNDLE": "/ca.pem"}).certificates == Path("/ca.pem")


def test_a_bucket_with_a_dot_does_not_fit_a_certificate_and_goes_into_the_path() -> None:
    assert settings_of("my.data", RETRIES, {}).path_style


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9000", "http://user:hidden@host", "ftp://host", "http://h:x", "http://h?hidden"])
def test_an_endpoint_that_is_no_plain_address_is_refused_and_not_repeated(endpoint: str) -> None:
    with pytest.raises(UsageError, match="AWS_ENDPOINT_URL") as error:
        settings_of("data", RETRIES, {"AWS_ENDPOINT_URL": endpoint})
    assert "hidden" not in str(error.value)
