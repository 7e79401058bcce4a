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
