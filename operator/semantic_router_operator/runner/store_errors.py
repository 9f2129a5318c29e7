"""What botocore raises, as a reason and a sentence."""

import contextlib
import errno
from collections.abc import Iterator

from botocore import exceptions as boto

from semantic_router_operator.backup.config import Storage
from semantic_router_operator.backup.failure import BackupError, Reason

_KEYS = "the keys accesskey and secretkey of the credentials' Secret"

# Error codes of S3 and of those who speak its language (MinIO, Ceph).
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
_CODES: dict[str, Reason] = {
    "InvalidAccessKeyId": "CredentialsRefused",
    "SignatureDoesNotMatch": "CredentialsRefused",
    "InvalidToken": "CredentialsRefused",
    "ExpiredToken": "CredentialsRefused",
    "AuthorizationHeaderMalformed": "CredentialsRefused",
    "AccessDenied": "AccessDenied",
    "AllAccessDisabled": "AccessDenied",
    "403": "AccessDenied",
    "NoSuchBucket": "BucketMissing",
    "QuotaExceeded": "QuotaExceeded",
    "XMinioStorageFull": "QuotaExceeded",
    "XMinioAdminBucketQuotaExceeded": "QuotaExceeded",
    "InsufficientCapacity": "QuotaExceeded",
    "507": "QuotaExceeded",
    "XAmzContentSHA256Mismatch": "StorageFailing",
    "PreconditionFailed": "StorageChanged",
}
# What a store says that is overloaded, or only just on its way up.
_PASSING_CODES = frozenset({"SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "ThrottlingException"})
_PASSING_STATUSES = frozenset({"429", "500", "502", "503", "504"})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@contextlib.contextmanager
def explained(storage: Storage, doing: str) -> Iterator[None]:
    """Turn what botocore raises inside into a BackupError; `doing` says what was tried."""
    try:
        yield
    except boto.ClientError as error:
        raise of_answer(storage, doing, error) from None
    except (boto.NoCredentialsError, boto.PartialCredentialsError):
        text = f"There are no credentials for {storage.endpoint}: {_KEYS} are wanted."
        raise BackupError("CredentialsMissing", text) from None
    except boto.SSLError as error:
        raise _of_tls(storage, str(error)) from None
    except (boto.ConnectTimeoutError, boto.ReadTimeoutError):
        raise BackupError("NoAnswer", f"{storage.endpoint} gives no answer in time, {doing}.", passing=True) from None
    except boto.EndpointConnectionError as error:
        unknown = any(each in str(error) for each in ("resolve", "Name or service not known"))
        if unknown or "NameResolution" in repr(error.kwargs.get("error")):
            text = f"The name in {storage.endpoint} has no address."
            raise BackupError("AddressUnknown", text, passing=True) from None
        text = f"{storage.endpoint} cannot be reached: nothing listens there."
        raise BackupError("Unreachable", text, passing=True) from None
    except (boto.ConnectionClosedError, boto.ResponseStreamingError, boto.IncompleteReadError) as error:
        text = f"{storage.endpoint} ended the connection, {doing} ({type(error).__name__})."
        raise BackupError("StorageFailing", text, passing=True) from None
    except boto.HTTPClientError as error:
        text = f"{storage.endpoint} cannot be reached, {doing}: {_short(error)}."
        raise BackupError("Unreachable", text, passing=True) from None
    except boto.BotoCoreError as error:
        raise BackupError("StorageFailing", f"{storage.endpoint}, {doing}: {_short(error)}.") from None


def of_answer(storage: Storage, doing: str, error: boto.ClientError) -> BackupError:
    """Return the failure that an answer with an error code means."""
    told = error.response.get("Error", {})
    code = str(told.get("Code", ""))
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    reason = _CODES.get(code) or _CODES.get(status) or "StorageFailing"
    where = f"bucket {storage.bucket} at {storage.endpoint}"
    if reason == "CredentialsRefused":
        return BackupError(reason, f"{storage.endpoint} refuses the credentials ({code}): look at {_KEYS}.")
    if reason == "AccessDenied":
        text = f"The credentials may not do this in {where}: {doing} ({code}). Give their user that right."
        return BackupError(reason, text)
    if reason == "BucketMissing":
        return BackupError(reason, f"There is no bucket {storage.bucket} at {storage.endpoint}; make it there.")
    if reason == "QuotaExceeded":
        return BackupError(reason, f"The {where} is full ({code}), {doing}. Make room, or keep fewer backups.")
    if reason == "StorageChanged":
        return BackupError(reason, f"An object of the {where} was changed meanwhile, {doing}.")
    detail = " ".join(str(told.get("Message", "")).split())[:200].rstrip(".")
    passing = reason == "StorageFailing" and (code in _PASSING_CODES or status in _PASSING_STATUSES)
    return BackupError(reason, f"The {where} fails, {doing}: {code} {detail}".rstrip() + ".", passing=passing)


def of_disk(error: OSError, folder: str) -> BackupError:
    """Return the failure that an error of the work folder means."""
    if error.errno in _FULL:
        text = f"The volume of {folder} is full. Give it more room (backup.resources: ephemeral-storage)."
        return BackupError("DiskFull", text)
    return BackupError("WorkDirUnusable", f"{error.filename or folder} cannot be used: {error.strerror or error}.")


def _of_tls(storage: Storage, text: str) -> BackupError:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        why = text.partition("CERTIFICATE_VERIFY_FAILED]")[2].partition("(_ssl")[0]
        why = why.replace("certificate verify failed:", "").strip(" :") or "it cannot be verified"
        message = f"The certificate of {storage.endpoint} is not accepted: {why}. Is its authority in the CA Secret?"
        return BackupError("CertificateRefused", message)
    if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
        return BackupError("TLSNotSpoken", f"{storage.endpoint} does not speak TLS; write http:// if that is meant.")
    return BackupError("CertificateRefused", f"TLS to {storage.endpoint} fails: {_short(text)}.")


def _short(text: object) -> str:
    return " ".join(str(text).split())[:200].rstrip(".")
