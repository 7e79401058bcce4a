using System.Net;

namespace Mewe.Client.Http;

/// <summary>The cluster refused, or could not be reached.</summary>
/// <param name="status">The status of its answer; null where there was none.</param>
/// <param name="type">What went wrong, as a short word: bad-module, bad-options, not-found, not-ready, unauthorized, forbidden, too-large, store-unavailable and others; null where there was no answer.</param>
public sealed class MeweApiException(HttpStatusCode? status, string? type, string message, Exception? inner = null) : Exception(message, inner)
{
    public HttpStatusCode? Status { get; } = status;

    public string? Type { get; } = type;

    /// <summary>At which byte a module is wrong, where that is said.</summary>
    public long? Offset { get; init; }

    /// <summary>True where the same request may succeed later: no answer, or a cluster that is not ready.</summary>
    public bool IsTransient => Status is null or HttpStatusCode.ServiceUnavailable or HttpStatusCode.BadGateway or HttpStatusCode.GatewayTimeout or HttpStatusCode.TooManyRequests;
}
