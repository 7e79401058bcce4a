using System.CommandLine;
using System.CommandLine.Parsing;
using Mewe.Grains;
using Mewe.Linking;

namespace Mewe.Client.Verbs;

/// <summary>The options that decide what a job makes: the same for <c>diversify</c> and <c>submit</c>.</summary>
internal sealed class JobOptionArguments
{
    private readonly Option<int> variants = new("--variants") { Description = $"Most variants per function, 1 to {JobOptions.MaxVariants}", DefaultValueFactory = _ => 16, HelpName = "K" };
    private readonly Option<ulong> seed = new("--seed") { Description = "Everything random derives from it", DefaultValueFactory = _ => 0, HelpName = "N" };
    private readonly Option<string> policy = new("--policy")
    {
        Description = "When to choose anew: as often as --slowdown allows for each function, on every call, per request from the host, or once per instance", DefaultValueFactory = _ => "auto",
    };

    private readonly Option<double> slowdown = new("--slowdown") { Description = "With --policy auto: how many times as long a request may take", DefaultValueFactory = _ => JobOptions.DefaultSlowdown, HelpName = "X" };
    private readonly Option<long?> size = new("--size-budget") { Description = "Most bytes of the multivariant module", HelpName = "BYTES" };
    private readonly Option<string> randomness = new("--randomness")
    {
        Description = "Where random bits come from: WASI, an exported mewe_seed, or the host on every choice", DefaultValueFactory = _ => "auto",
    };

    private readonly Option<string> generator = new("--generator") { Description = "What makes random bits in the module: fast, or chacha8 where an attacker can observe choices", DefaultValueFactory = _ => "fast" };
    private readonly Option<string?> functions = new("--functions") { Description = "Only functions whose name matches", HelpName = "REGEX" };
    private readonly Option<string?> exclude = new("--exclude") { Description = "Not the functions whose name matches", HelpName = "REGEX" };
    private readonly Option<long?> fuel = new("--fuel") { Description = "Work per function, in instructions looked at", HelpName = "N" };
    private readonly Option<string> evidence = new("--evidence") { Description = "What a linked variant must have: every one is tested, and with `proved` also proved", DefaultValueFactory = _ => "tested" };

    public JobOptionArguments()
    {
        variants.TakesNumber();
        seed.TakesNumber();
        policy.AcceptOnlyFromAmong("auto", "call", "entry", "instance");
        slowdown.TakesRatio();
        size.TakesNumber();
        randomness.AcceptOnlyFromAmong("auto", "wasi", "export", "import");
        generator.AcceptOnlyFromAmong("fast", "chacha8");
        fuel.TakesNumber();
        evidence.AcceptOnlyFromAmong("tested", "proved");
        variants.Must(count => count is >= 1 and <= JobOptions.MaxVariants, $"--variants is 1 to {JobOptions.MaxVariants}");
        slowdown.Must(ratio => ratio is >= 1 and <= 1000, "--slowdown is 1 to 1000, such as 1.10");
        size.Must(bytes => bytes is null or >= 1, "--size-budget is at least 1");
        fuel.Must(amount => amount is null or >= 1, "--fuel is at least 1");
    }

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { variants, seed, policy, slowdown, size, randomness, generator, functions, exclude, fuel, evidence })
        {
            command.Add(option);
        }
    }

    public JobOptions Read(ParseResult parsed) => new()
    {
        Variants = parsed.GetValue(variants),
        Seed = parsed.GetValue(seed),
        Policy = Enum.Parse<DispatchPolicy>(parsed.GetRequiredValue(policy), ignoreCase: true),
        Slowdown = parsed.GetValue(slowdown),
        SizeBudget = parsed.GetValue(size),
        Generator = Enum.Parse<GeneratorKind>(parsed.GetRequiredValue(generator), ignoreCase: true),
        Randomness = Enum.Parse<RandomnessMode>(parsed.GetRequiredValue(randomness), ignoreCase: true),
        Functions = parsed.GetValue(functions),
        Exclude = parsed.GetValue(exclude),
        Fuel = parsed.GetValue(fuel),
        Evidence = Enum.Parse<RequiredEvidence>(parsed.GetRequiredValue(evidence), ignoreCase: true),
    };
}
