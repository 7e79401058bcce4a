using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;
using Mewe.Client.Output;

namespace Mewe.Client.Verbs;

/// <summary>The options that every verb has.</summary>
internal sealed class CommonOptions
{
    public Option<bool> Json { get; } = new("--json") { Description = "Write the result as JSON to standard output" };

    public Option<bool> Quiet { get; } = new("--quiet", "-q") { Description = "Say nothing but errors" };

    public void AddTo(Command command)
    {
        command.Add(Json);
        command.Add(Quiet);
    }

    public CommandOutput Output(ParseResult parsed) => new(parsed.GetValue(Json), parsed.GetValue(Quiet) ? Verbosity.Quiet : Verbosity.Normal);
}

/// <summary>Limits on the values of options.</summary>
internal static class OptionLimits
{
    /// <summary>Takes whole numbers in decimal, and says so where it is given something else.</summary>
    public static void TakesNumber<T>(this Option<T> option)
        where T : struct, IBinaryInteger<T> => option.CustomParser = result => Number<T>(result, option.Name);

    /// <inheritdoc cref="TakesNumber{T}(Option{T})"/>
    public static void TakesNumber<T>(this Option<T?> option)
        where T : struct, IBinaryInteger<T> => option.CustomParser = result => Number<T>(result, option.Name);

    /// <summary>Reads a ratio with a decimal point, whatever the language of the machine.</summary>
    public static void TakesRatio(this Option<double> option) => option.CustomParser = result =>
    {
        var text = result.Tokens[0].Value;
        if (!double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
        {
            result.AddError($"{option.Name} takes a number such as 1.10, not '{text}'");
        }

        return number;
    };

    private static T Number<T>(ArgumentResult result, string option)
        where T : struct, IBinaryInteger<T>
    {
        var text = result.Tokens[0].Value;
        if (!T.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number))
        {
            result.AddError($"{option} takes a whole number, and \"{text}\" is none or too large");
        }

        return number;
    }

    /// <summary>Refuses values that do not fit with this message. A text that is no value at all is the parser's to refuse, with a message of its own.</summary>
    public static void Must<T>(this Option<T> option, Func<T?, bool> fit, string message) => option.Validators.Add(result =>
    {
        try
        {
            if (!fit(result.GetValue(option)))
            {
                result.AddError(message);
            }
        }
        catch (InvalidOperationException)
        {
            // GetValue throws where the text cannot be converted; the parser has noted why.
        }
    });
}
