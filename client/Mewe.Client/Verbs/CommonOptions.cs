using System.CommandLine;
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
