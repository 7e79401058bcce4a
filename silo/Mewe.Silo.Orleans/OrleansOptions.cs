using System.CommandLine;
using System.Net;

namespace Mewe.Silo.Orleans;

/// <summary>Where silos reach each other, as the operator says it.</summary>
/// <param name="Address">By which other silos (and clients inside the cluster) reach this one.</param>
/// <param name="Port">For other silos; 0 for any that is free.</param>
/// <param name="GatewayPort">For clients of Orleans; 0 for none.</param>
internal sealed record OrleansEndpoint(IPAddress Address, int Port, int GatewayPort);

/// <summary>The options that Orleans adds to <c>mewe silo</c>.</summary>
internal sealed class OrleansOptions
{
    private readonly Option<string> address = new("--orleans-address")
    {
        Description = "The address by which other silos reach this one. Silos trust whoever connects to them: beyond loopback only in a network of their own", DefaultValueFactory = _ => "127.0.0.1", HelpName = "IP",
    };

    private readonly Option<int> port = new("--orleans-port") { Description = "The port for other silos (default: any that is free)", HelpName = "PORT" };

    private readonly Option<int> gateway = new("--orleans-gateway") { Description = "The port for Orleans clients inside the cluster (default: none)", HelpName = "PORT" };

    public OrleansOptions()
    {
        address.Validators.Add(result =>
        {
            if (!IPAddress.TryParse(result.GetValue(address), out var ip) || ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any))
            {
                result.AddError("--orleans-address is the IP address of this machine");
            }
        });
        foreach (var option in new[] { port, gateway })
        {
            option.Validators.Add(result =>
            {
                if (result.GetValue(option) is < 0 or > 65535)
                {
                    result.AddError($"{option.Name} is a port");
                }
            });
        }
    }

    public IReadOnlyList<Option> All => [address, port, gateway];

    public OrleansEndpoint Of(ParseResult parsed) => new(IPAddress.Parse(parsed.GetRequiredValue(address)), parsed.GetValue(port), parsed.GetValue(gateway));
}
