using System.Globalization;
using System.Text.Json;

namespace Mewe.Grains;

/// <summary>What the parser says of a JSON file, but for what speaks of the types of this program, without its own way of giving the place.</summary>
internal static class JsonProblem
{
    public static string Explain(JsonException exception)
    {
        var (message, property) = (exception.Message, exception.Path?.Split('.')[^1]);
        var what = message.Contains("could not be converted", StringComparison.Ordinal) ? "this is not of the type that belongs here"
            : message.Contains("could not be mapped", StringComparison.Ordinal) ? $"there is no property \"{property}\" here"
            : message.Contains("was missing required", StringComparison.Ordinal) ? "something that belongs here is missing"
            : message.Split(" Path:")[0].Split(" LineNumber:")[0].TrimEnd('.', ' ', '|');
        return string.Create(CultureInfo.InvariantCulture, $"{exception.Path ?? "$"}, line {exception.LineNumber + 1}, byte {exception.BytePositionInLine + 1}: {what}");
    }
}
