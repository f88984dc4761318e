"""One session with a JSON API: bounded in time, size, pages and tries, and its token never leaves the API's own host.

The only user of `requests`, which is imported by the first request and not before. Proxies and certificates come from
the environment as `requests` reads it (HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE); a netrc file is never read, since it
would replace the token.
"""

from costgate.http.session import Answer, Http, HttpError, Limits

__all__ = ["Answer", "Http", "HttpError", "Limits"]
