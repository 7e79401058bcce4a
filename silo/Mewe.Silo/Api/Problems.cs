using Mewe.Store;

namespace Mewe.Silo.Api;

/// <summary>Errors as the API gives them: RFC 9457, <c>application/problem+json</c>. The type is a short word that programs can compare.</summary>
internal static class Problems
{
    public static IResult Of(int status, string type, string detail, IDictionary<string, object?>? more = null) =>
        Results.Problem(detail: detail, statusCode: status, type: $"urn:mewe:{type}", extensions: more);

    public static IResult NoSuchJob { get; } = Of(StatusCodes.Status404NotFound, "not-found", "there is no such job");

    public static IResult StoreUnavailable(StoreProblem problem) => Of(StatusCodes.Status503ServiceUnavailable, "store-unavailable", problem.Message);

    public static IResult Bad(string detail) => Of(StatusCodes.Status400BadRequest, "bad-request", detail);

    public static IResult BadModule(string detail, long? offset) =>
        Of(StatusCodes.Status400BadRequest, "bad-module", detail, offset is null ? null : new Dictionary<string, object?> { ["offset"] = offset });

    public static IResult TooLarge(string detail) => Of(StatusCodes.Status413PayloadTooLarge, "too-large", detail);

    public static IResult Conflict(string type, string detail) => Of(StatusCodes.Status409Conflict, type, detail);
}
