using System.CommandLine;
using System.CommandLine.Parsing;
using Mewe.Grains;

namespace Mewe.Client.Verbs;

/// <summary>The options that name engines.</summary>
internal sealed class EngineOptions
{
    private readonly Option<string?> engine;
    private readonly Option<string>? target;

    /// <param name="hasTarget">Whether the verb measures something, and so must know where.</param>
    public EngineOptions(bool hasTarget)
    {
        engine = new Option<string?>("--engine") { Description = "What runs the modules: v8, wasmtime or both (default: both where both are found; see `mewe engines`)", HelpName = "both|v8|wasmtime" };
        engine.AcceptOnlyFromAmong(EngineChoice.V8, EngineChoice.Wasmtime, EngineChoice.Both);
        if (hasTarget)
        {
            target = new Option<string>("--target")
            {
                Description = "The engine that the module is made for: there it is measured (any: v8 where it is found)", DefaultValueFactory = _ => EngineChoice.Any, HelpName = "any|v8|wasmtime",
            };
            target.AcceptOnlyFromAmong(EngineChoice.V8, EngineChoice.Wasmtime, EngineChoice.Any);
        }
    }

    public void AddTo(Command command)
    {
        command.Add(engine);
        if (target is not null)
        {
            command.Add(target);
        }
    }

    public EngineChoice Choice(ParseResult parsed) => new(parsed.GetValue(engine), target is null ? EngineChoice.Any : parsed.GetRequiredValue(target));
}
