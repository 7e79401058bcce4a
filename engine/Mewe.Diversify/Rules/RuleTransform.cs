using System.Collections.Immutable;
using Mewe.Diversify.Transforms;
using Mewe.Diversify.Views;
using Mewe.Wasm;

namespace Mewe.Diversify.Rules;

/// <summary>
/// A transform that is a file of rules. Each rule is an identity over all values of its variables; the file's head says where they come from. How operands with effects
/// are treated is decided by <see cref="Terms.TermEmitter"/> alone. A rule is used only in modules that already use the features its replacement needs.
/// </summary>
public sealed class RuleTransform : ISiteTransform
{
    private const int MaxTries = 6;
    private readonly Rule[]?[] byRoot = new Rule[]?[OpcodeTable.Size];

    public RuleTransform(string name, IEnumerable<Rule> rules)
    {
        Name = name;
        Rules = [.. rules];
        foreach (var group in Rules.GroupBy(rule => rule.Pattern.Opcode))
        {
            byRoot[(int)group.Key] = [.. group];
        }
    }

    /// <summary>The transform of an embedded rule file.</summary>
    /// <exception cref="FormatException">The file is wrong; a test loads each.</exception>
    public static RuleTransform Load(string name)
    {
        using var stream = typeof(RuleTransform).Assembly.GetManifestResourceStream($"{name}.rules") ?? throw new FormatException($"no rule file {name}");
        using var reader = new StreamReader(stream);
        return new RuleTransform(name, RuleParser.Parse(reader.ReadToEnd()));
    }

    public string Name { get; }

    public ImmutableArray<Rule> Rules { get; }

    public bool NeedsBlindWord => Rules.Any(rule => rule.FreshCount > 0);

    public bool Applies(FunctionView view) => true;

    public IEnumerable<Site> Sites(FunctionView view)
    {
        for (var i = 0; i < view.Count; i++)
        {
            if (byRoot[(int)view[i].Opcode] is not null && view.IsReachable(i))
            {
                yield return new Site(i);
            }
        }
    }

    public Edit? Rewrite(FunctionView view, Site site, RewriteContext context)
    {
        var rules = byRoot[(int)view[site.At].Opcode]!;
        var matcher = new RuleMatcher();
        var first = context.Random.Below(rules.Length);
        var tries = Math.Min(rules.Length, MaxTries);
        for (var k = 0; k < tries; k++)
        {
            var rule = rules[(first + k) % rules.Length];
            if (rule.Feature != Feature.Mvp && !view.Module.Uses(rule.Feature))
            {
                continue;
            }

            if (matcher.Apply(view, rule, site.At, context) is { } edit)
            {
                context.NoteRule(rule.NameIn(Name));
                return edit;
            }
        }

        return null;
    }
}
